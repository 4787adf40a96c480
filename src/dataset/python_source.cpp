#include "formats.hpp"

#include "fod/alive.hpp"
#include "fod/error.hpp"

#include <utility>

namespace fod {

namespace {

/// One field of a dataset in Python, which its fields share.
class PythonField final : public DataSource {
public:
  PythonField(std::shared_ptr<python::Dataset> dataset, std::size_t index, FieldSpec field)
      : dataset_(std::move(dataset)), index_(index), field_(std::move(field)) {}

  [[nodiscard]] FieldSpec const& field() const override { return field_; }
  [[nodiscard]] std::int64_t size() const override { return dataset_->size(); }
  [[nodiscard]] int reading_threads() const override { return 0; }
  void read(IndexRange range, std::span<std::byte> out) const override {
    while (!range.empty() && !dataset_->approach(range.begin, 0.05)) {
      note_progress(); // the way to a rank's first sample may be long
    }
    dataset_->read(index_, range, out);
  }

private:
  std::shared_ptr<python::Dataset> dataset_;
  std::size_t index_;
  FieldSpec field_;
};

/// A field's name: its path in a sample, behind the name that --data gave, if any.
std::string full_name(std::string const& name, bool prefixed, std::string const& path) {
  if (path.empty()) {
    return name;
  }
  return prefixed ? name + "." + path : path;
}

} // namespace

OpenedData open_python(std::string const& spec, std::string const& name, bool prefixed,
                       python::Requirements const& requirements) {
  std::shared_ptr<python::Dataset> const dataset = python::open_dataset(spec, requirements);
  OpenedData opened;
  opened.note = dataset->note();
  auto const& fields = dataset->fields();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    auto field = fields[i];
    bool const is_label = !dataset->label_field().empty() && field.name == dataset->label_field();
    field.name = full_name(name, prefixed, field.name);
    if (is_label) {
      opened.label = field.name;
    }
    opened.sources.push_back(std::make_shared<PythonField>(dataset, i, std::move(field)));
  }
  if (fields.empty()) { // without samples, nobody knows what they are
    opened.sources.push_back(std::make_shared<PythonField>(dataset, 0, FieldSpec{name, {}, {}}));
  }
  return opened;
}

std::shared_ptr<DataSource> open_python_labels(std::string const& spec,
                                               python::Requirements const& requirements) {
  auto opened = open_python(spec, "labels", false, requirements);
  std::string names;
  for (auto const& source : opened.sources) {
    if (opened.sources.size() == 1 || source->field().name == opened.label) {
      return source;
    }
    names += (names.empty() ? "" : ", ") + source->field().name;
  }
  throw bad_input("labels " + spec + " have several fields", names,
                  "give a dataset of class indices alone, or of (input, class index) pairs");
}

} // namespace fod
