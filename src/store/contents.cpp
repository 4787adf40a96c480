#include "layout.hpp"

#include <nlohmann/json.hpp>

namespace fod::store {

namespace {

using Json = nlohmann::ordered_json;

constexpr char const* provenance = "/provenance";
constexpr char const* reliability = "/metrics/reliability";
// An attribute lives in its object's header, which is limited to 64 KiB.
constexpr std::size_t longest_attribute = 16384;

void write_value(h5::File& file, std::string const& key, Json const& value) {
  auto const object = provenance + ("/" + key);
  bool const is_list = value.is_array() && !value.empty();
  if (is_list && value[0].is_string()) {
    file.write_texts(object, value.get<std::vector<std::string>>());
  } else if (is_list && value[0].is_array()) {
    auto const columns = static_cast<std::int64_t>(value[0].size());
    std::vector<std::int64_t> flat;
    for (auto const& row : value) {
      auto const numbers = row.get<std::vector<std::int64_t>>();
      flat.insert(flat.end(), numbers.begin(), numbers.end());
    }
    auto const rows = static_cast<std::int64_t>(value.size());
    file.create_dataset(object, ElementType::int64, {rows, columns})
        .write({0, rows}, ElementType::int64, flat.data());
  } else if (value.is_number_float()) {
    file.set_attribute(provenance, key, value.get<double>());
  } else if (value.is_number() || value.is_boolean()) {
    file.set_attribute(provenance, key, value.get<std::int64_t>());
  } else {
    auto const text = value.is_string() ? value.get<std::string>() : value.dump();
    if (text.size() > longest_attribute) {
      file.write_text(object, text);
    } else {
      file.set_attribute(provenance, key, text);
    }
  }
}

template <class Value>
Json numbers_of(h5::Dataset const& dataset, ElementType type) {
  auto const& shape = dataset.shape();
  if (!dataset.can_hold(shape.empty() ? 1 : shape[0])) {
    throw bad_input(dataset.path() + " is damaged", "it claims more than it holds",
                    "make the file again, or restore it from a backup");
  }
  std::vector<Value> values(static_cast<std::size_t>(element_count(shape)));
  dataset.read({0, shape.empty() ? 1 : shape[0]}, type, values.data());
  if (shape.size() != 2) {
    return values;
  }
  auto rows = Json::array();
  auto const columns = shape[1];
  for (auto row = values.begin(); row != values.end(); row += columns) {
    rows.push_back(std::vector<Value>(row, row + columns));
  }
  return rows;
}

Json value_at(h5::File const& file, std::string const& path) {
  if (!file.is_text(path)) {
    auto const dataset = file.dataset(path);
    return is_floating(dataset.type()) ? numbers_of<double>(dataset, ElementType::float64)
                                       : numbers_of<std::int64_t>(dataset, ElementType::int64);
  }
  if (file.text_dataset(path).shape().empty()) {
    return file.read_text(path);
  }
  return file.read_texts(path);
}

} // namespace

std::string read_provenance(h5::File const& file) {
  auto json = Json::object();
  if (file.contains(provenance)) {
    for (auto const& name : file.attribute_names(provenance)) {
      std::visit([&](auto const& value) { json[name] = value; }, file.attribute(provenance, name));
    }
    for (auto const& name : file.members(provenance)) {
      json[name] = value_at(file, provenance + ("/" + name));
    }
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void write_contents(h5::File& file, Contents const& contents) {
  file.write_text("/meta", contents.meta);
  if (file.contains(provenance)) {
    file.remove(provenance);
  }
  file.create_group(provenance);
  auto const object = Json::parse(contents.provenance);
  for (auto const& [key, value] : object.items()) {
    write_value(file, key, value);
  }
}

void write_metrics(h5::File& file, Metrics const& metrics) {
  file.create_group("/metrics");
  for (auto const& [name, value] : metrics.values) {
    file.set_attribute("/metrics", name, value);
  }
  auto const write_counts = [&](char const* path, std::vector<std::int64_t> const& counts) {
    if (!counts.empty()) {
      file.create_dataset(path, ElementType::int64, {std::ssize(counts)})
          .write({0, std::ssize(counts)}, ElementType::int64, counts.data());
    }
  };
  write_counts("/metrics/class_counts", metrics.class_counts);
  write_counts("/metrics/label_counts", metrics.label_counts);
  if (auto const bins = std::ssize(metrics.reliability); bins > 0) {
    file.create_dataset(reliability, ElementType::float64, {bins, 5})
        .write({0, bins}, ElementType::float64, metrics.reliability.data());
    file.set_attribute(reliability, "columns",
                       std::string("lower, upper, samples, mean_confidence, accuracy"));
  }
}

} // namespace fod::store
