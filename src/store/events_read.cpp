#include "events_names.hpp"
#include "plausible.hpp"

#include <algorithm>
#include <type_traits>

namespace fod::store {

namespace {

void require(h5::File const& file, bool right) {
  require_sane(file, "/events", right);
}

template <class T>
std::vector<T> read(h5::File const& file, std::string const& path) {
  constexpr auto type = std::is_same_v<T, double> ? ElementType::float64 : ElementType::int64;
  return read_all<T>(file, "/events", path, type);
}

std::int64_t whole(h5::File const& file, std::string const& object, std::string const& name) {
  auto const value = file.attribute(object, name);
  auto const* const number = std::get_if<std::int64_t>(&value);
  require(file, number != nullptr);
  return *number;
}

/// The reverse of the writer's table.
template <class Figures>
class Table {
public:
  Table(h5::File const& file, std::string path, std::vector<Figures>& rows)
      : file_(file), path_(std::move(path)), rows_(rows) {}

  template <class Number, class Of>
  void number(char const* name, Number Of::*member) const {
    auto const values = read<Number>(file_, path_ + name);
    require(file_, values.size() == rows_.size());
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      rows_[i].*member = values[i];
    }
  }
  template <class Of>
  void counts(char const* name, std::vector<std::int64_t> Of::*member) const {
    auto const values = read<std::int64_t>(file_, path_ + name);
    auto const rows = std::max<std::size_t>(1, rows_.size());
    require(file_, values.size() % rows == 0 && (!rows_.empty() || values.empty()));
    auto const columns = static_cast<std::ptrdiff_t>(values.size() / rows);
    auto next = values.begin();
    for (auto& row : rows_) {
      (row.*member).assign(next, next + columns);
      next += columns;
    }
  }

private:
  h5::File const& file_;
  std::string path_;
  std::vector<Figures>& rows_;
};

/// Every table of counts has the extents that layers, categories and spans give it.
bool is_consistent(EventsSummary const& all) {
  auto const slots = all.names.categories.size() + 1;
  constexpr auto spans = static_cast<std::size_t>(events::span_count);
  auto const fits = [&](events::Figures const& figures) {
    return figures.by_category.size() == slots && figures.by_span.size() == spans;
  };
  return std::all_of(all.layers.begin(), all.layers.end(), [&](events::LayerFigures const& layer) {
    return fits(layer) && layer.category_samples.size() == slots &&
           layer.category_by_span.size() == slots * spans &&
           std::all_of(layer.groups.begin(), layer.groups.end(), fits);
  });
}

/// Gives the groups, in the order of the layers, to their layers.
void part(h5::File const& file, std::vector<events::GroupFigures>& groups, EventsSummary& all) {
  auto const ids = read<std::int64_t>(file, std::string(summary_path) + "/group/group_id");
  auto const layer_of = read<std::int64_t>(file, std::string(summary_path) + "/group/layer");
  require(file, layer_of.size() == ids.size() && std::is_sorted(layer_of.begin(), layer_of.end()));
  require(file,
          layer_of.empty() || (layer_of.front() >= 0 && layer_of.back() < std::ssize(all.layers)));
  all.names.first_group_ids.resize(all.layers.size());
  for (std::size_t g = 0; g < groups.size(); ++g) {
    auto const l = static_cast<std::size_t>(layer_of[g]);
    if (all.layers[l].groups.empty()) {
      all.names.first_group_ids[l] = ids[g];
    }
    all.layers[l].groups.push_back(std::move(groups[g]));
  }
}

} // namespace

std::optional<EventsSummary> read_events_summary(h5::File const& file) {
  if (!file.contains("/events")) {
    return std::nullopt;
  }
  std::string const summary = summary_path;
  EventsSummary all;
  all.names.layers = file.read_texts("/events/layers");
  all.names.categories = file.read_texts("/events/categories");
  all.total = whole(file, "/events", "total");
  all.kept = whole(file, "/events", "kept");
  all.keep = whole(file, summary, "keep");
  all.samples = {whole(file, summary, "sample_begin"), whole(file, summary, "sample_end")};
  all.layers.resize(all.names.layers.size());
  Table const of_layers(file, summary + "/layer/", all.layers);
  for_layer_figures([&](auto... figure) { of_layers.number(figure...); },
                    [&](auto... figure) { of_layers.counts(figure...); });
  std::vector<events::GroupFigures> groups(
      read<std::int64_t>(file, summary + "/group/group_id").size());
  Table const of_groups(file, summary + "/group/", groups);
  for_group_figures([&](auto... figure) { of_groups.number(figure...); },
                    [&](auto... figure) { of_groups.counts(figure...); });
  part(file, groups, all);
  require(file, is_consistent(all));
  return all;
}

} // namespace fod::store
