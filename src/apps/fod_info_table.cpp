#include "fod_info.hpp"

#include "fod.hpp"
#include "fod/json.hpp"
#include "fod_metric_rows.hpp"
#include "fod_table.hpp"

#include <algorithm>
#include <numeric>

namespace fod::app {

namespace {

constexpr std::size_t listed_classes = 12;
/// With units where the key names them.
std::string readable(std::string const& key, nlohmann::ordered_json const& value) {
  if (value.is_number() && key.starts_with("seconds")) {
    auto const seconds = value.get<double>();
    return seconds < 60 ? decimal(seconds, 3) + " s" : duration(seconds);
  }
  if (value.is_number() && key.ends_with("_bytes")) {
    return byte_size(value.get<std::int64_t>());
  }
  return value.is_string()
             ? value.get<std::string>()
             : value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string overview(Inside const& inside) {
  std::vector<Row> rows;
  auto const ids = inside.ids.empty()
                       ? "none"
                       : "ids " + grouped(inside.ids.begin) + " to " + grouped(inside.ids.end - 1);
  rows.push_back({"samples", grouped(inside.samples) + " (" + ids + ")"});
  if (!inside.complete) {
    rows.push_back({"done", grouped(inside.samples_done) + " samples (" +
                                percent(inside.samples_done, inside.samples) +
                                "); all figures below are of these"});
  }
  rows.push_back(
      {"blocks", grouped(inside.blocks_done) + " of " + grouped(inside.blocks) + " done"});
  rows.push_back({"classes", grouped(inside.classes)});
  rows.push_back({"labels", inside.labels ? "yes" : "no"});
  auto const metrics = metric_rows(inside.metrics);
  rows.insert(rows.end(), metrics.begin(), metrics.end());
  return aligned(rows, "ll");
}

std::string sections_table(Inside const& inside) {
  std::vector<Row> rows{{"path", "type", "shape", "size"}};
  for (auto const& section : inside.sections) {
    rows.push_back({section.path, std::string(name_of(section.type)), to_string(section.shape),
                    byte_size(section.bytes())});
  }
  return with_heading(rows, "lllr");
}

std::string classes_table(Inside const& inside) {
  auto const& counts = inside.class_counts;
  auto const total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  if (total == 0) {
    return "";
  }
  auto const order = most_frequent(counts, listed_classes);
  auto const most = *std::max_element(counts.begin(), counts.end());
  std::vector<Row> rows{{"class", "samples", "share", ""}};
  for (auto const k : order) {
    auto const bar = static_cast<std::size_t>((counts[k] * 30 + most - 1) / most);
    rows.push_back(
        {std::to_string(k), grouped(counts[k]), percent(counts[k], total), std::string(bar, '#')});
  }
  auto text = with_heading(rows, "rrrl");
  if (order.size() < counts.size()) {
    text += "  the most frequent " + std::to_string(order.size()) + " of " +
            grouped(std::ssize(counts)) + " classes\n";
  }
  return text;
}

std::string uncertain_table(Inside const& inside) {
  if (inside.most_uncertain.empty()) {
    return "";
  }
  std::vector<Row> rows{{"id", "entropy", "confidence", "prediction"}};
  if (inside.labels) {
    rows[0].emplace_back("label");
  }
  for (auto const& sample : inside.most_uncertain) {
    rows.push_back({std::to_string(sample.id), decimal(static_cast<double>(sample.entropy), 4),
                    decimal(static_cast<double>(sample.confidence), 4),
                    std::to_string(sample.prediction)});
    if (inside.labels) {
      rows.back().push_back(sample.label ? std::to_string(*sample.label) : "-");
    }
  }
  return with_heading(rows, "rrrrr");
}

std::string meta_table(Inside const& inside) {
  std::vector<Row> rows;
  for (auto const& entry : json::parse_meta(inside.meta)) {
    std::string quoted;
    json::append_string(quoted, entry.key);
    // Quotes are left out where the key holds nothing that had to be escaped.
    auto const plain = quoted == "\"" + entry.key + "\"" ? entry.key : quoted;
    rows.push_back({shortened(plain), shortened(entry.value)});
  }
  return aligned(rows, "ll");
}

std::string provenance_table(Inside const& inside) {
  std::vector<Row> rows;
  for (auto const& [key, value] : inside.provenance.items()) {
    rows.push_back({key, shortened(readable(key, value))});
  }
  return aligned(rows, "ll");
}

} // namespace

std::string as_table(Inside const& inside) {
  std::string state = inside.complete ? "complete" : "partial: its job has not finished";
  if (inside.shards > 0) {
    state += "; shard " + std::to_string(inside.shard) + " of " + std::to_string(inside.shards) +
             ": groups are found by fod merge";
  }
  return inside.path + ": " + state + "\n\n" + overview(inside) +
         titled("sections", sections_table(inside)) +
         titled("predicted classes", classes_table(inside)) +
         titled("most uncertain samples", uncertain_table(inside)) +
         titled("meta", meta_table(inside)) + titled("provenance", provenance_table(inside));
}

} // namespace fod::app
