#include "events_names.hpp"

#include <type_traits>

namespace fod::store {

namespace {

using events::Event;
using events::EventLog;
using Names = EventNames;

template <class T>
constexpr ElementType type_of() {
  return std::is_same_v<T, double>         ? ElementType::float64
         : std::is_same_v<T, float>        ? ElementType::float32
         : std::is_same_v<T, std::int32_t> ? ElementType::int32
                                           : ElementType::int64;
}

/// Writes a column of the kept events, a layer at a time.
template <class T, class Get>
void put_column(h5::File& file, std::string const& name, EventLog const& log, std::int64_t kept,
                Get get) {
  auto column = file.create_dataset("/events/" + name, type_of<T>(), {kept});
  std::int64_t row = 0;
  for (std::size_t layer = 0; layer < log.layers(); ++layer) {
    std::vector<T> values;
    for (auto const& event : log.kept(layer)) {
      values.push_back(get(layer, event));
    }
    column.write({row, row + std::ssize(values)}, type_of<T>(), values.data());
    row += std::ssize(values);
  }
}

void put_columns(h5::File& file, EventLog const& log, Names const& names, std::int64_t kept) {
  using Layer = std::size_t;
  put_column<std::int64_t>(file, "sample", log, kept,
                           [](Layer, Event const& event) { return event.sample; });
  put_column<std::int32_t>(file, "layer", log, kept, [](Layer layer, Event const&) {
    return static_cast<std::int32_t>(layer);
  });
  put_column<std::int64_t>(file, "group", log, kept, [&](Layer layer, Event const& event) {
    return names.first_group_ids[layer] + event.group;
  });
  put_column<float>(file, "strength", log, kept,
                    [](Layer, Event const& event) { return event.strength; });
  put_column<std::int32_t>(file, "category", log, kept,
                           [](Layer, Event const& event) { return event.category; });
  put_column<float>(file, "loss", log, kept, [](Layer, Event const& event) { return event.loss; });
}

template <class T>
void put(h5::File& file, std::string const& path, Shape const& shape,
         std::vector<T> const& values) {
  auto dataset = file.create_dataset(path, type_of<T>(), shape);
  if (!values.empty()) {
    dataset.write({0, shape[0]}, type_of<T>(), values.data());
  }
}

/// One figure of all layers or of all groups.
template <class Figures>
class Table {
public:
  Table(h5::File& file, std::string path, std::vector<Figures> const& rows)
      : file_(file), path_(std::move(path)), rows_(rows) {}

  template <class Number, class Of>
  void number(char const* name, Number Of::*member) const {
    std::vector<Number> values;
    for (auto const& row : rows_) {
      values.push_back(row.*member);
    }
    put(file_, path_ + name, {std::ssize(rows_)}, values);
  }
  template <class Of>
  void counts(char const* name, std::vector<std::int64_t> Of::*member) const {
    std::vector<std::int64_t> values;
    for (auto const& row : rows_) {
      values.insert(values.end(), (row.*member).begin(), (row.*member).end());
    }
    auto const columns = rows_.empty() ? 0 : std::ssize(rows_[0].*member);
    put(file_, path_ + name, {std::ssize(rows_), columns}, values);
  }

private:
  h5::File& file_;
  std::string path_;
  std::vector<Figures> const& rows_;
};

void put_summary(h5::File& file, EventLog const& log, Names const& names) {
  std::vector<events::LayerFigures> layers;
  std::vector<events::GroupFigures> groups;
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> layer_of;
  for (std::size_t l = 0; l < log.layers(); ++l) {
    auto const& layer = layers.emplace_back(log.figures(l));
    for (auto const& group : layer.groups) {
      ids.push_back(names.first_group_ids[l] + (&group - layer.groups.data()));
      layer_of.push_back(static_cast<std::int64_t>(l));
      groups.push_back(group);
    }
  }
  std::string const summary = summary_path;
  Table const of_layers(file, summary + "/layer/", layers);
  for_layer_figures([&](auto... figure) { of_layers.number(figure...); },
                    [&](auto... figure) { of_layers.counts(figure...); });
  put(file, summary + "/group/group_id", {std::ssize(ids)}, ids);
  put(file, summary + "/group/layer", {std::ssize(ids)}, layer_of);
  Table const of_groups(file, summary + "/group/", groups);
  for_group_figures([&](auto... figure) { of_groups.number(figure...); },
                    [&](auto... figure) { of_groups.counts(figure...); });
  file.set_attribute(summary, "sample_begin", log.samples().begin);
  file.set_attribute(summary, "sample_end", log.samples().end);
  file.set_attribute(summary, "spans", events::span_count);
  file.set_attribute(summary, "keep", log.keep());
}

} // namespace

void write_events(h5::File& file, events::EventLog const& log, EventNames const& names) {
  std::int64_t total = 0;
  std::int64_t kept = 0;
  for (std::size_t layer = 0; layer < log.layers(); ++layer) {
    total += log.total(layer);
    kept += std::ssize(log.kept(layer));
  }
  put_columns(file, log, names, kept);
  file.write_texts("/events/layers", names.layers);
  file.write_texts("/events/categories", names.categories);
  file.set_attribute("/events", "total", total);
  file.set_attribute("/events", "kept", kept);
  put_summary(file, log, names);
}

} // namespace fod::store
