#include "interpreter.hpp"
#include "open.hpp"

namespace fod::python::embed {

namespace {

std::vector<FieldSpec> fields_of(py::object const& dataset) {
  std::vector<FieldSpec> fields;
  for (auto const entry : dataset.attr("fields")) {
    auto const field = entry.cast<py::tuple>();
    FieldSpec spec{field[0].cast<std::string>(), element_type(field[1].cast<std::string>()), {}};
    for (auto const extent : field[2].cast<py::tuple>()) {
      spec.shape.push_back(extent.cast<std::int64_t>());
    }
    fields.push_back(std::move(spec));
  }
  return fields;
}

class EmbeddedDataset final : public Dataset {
public:
  explicit EmbeddedDataset(py::object dataset)
      : fields_(fields_of(dataset)), size_(dataset.attr("size").cast<std::int64_t>()),
        label_field_(dataset.attr("label_field").cast<std::string>()),
        note_(dataset.attr("note").cast<std::string>()), dataset_(std::move(dataset)) {}

  [[nodiscard]] std::vector<FieldSpec> const& fields() const override { return fields_; }
  [[nodiscard]] std::int64_t size() const override { return size_; }
  [[nodiscard]] std::string const& label_field() const override { return label_field_; }
  [[nodiscard]] std::string const& note() const override { return note_; }

  void read(std::size_t field, IndexRange range, std::span<std::byte> out) override {
    if (out.empty()) {
      return;
    }
    with_python([&] {
      auto const memory = py::memoryview::from_memory(out.data(), std::ssize(out));
      dataset_.get().attr("read")(field, range.begin, range.end, memory);
    });
  }

  bool approach(std::int64_t sample, double seconds) override {
    return with_python(
        [&] { return dataset_.get().attr("approach")(sample, seconds).cast<bool>(); });
  }

private:
  std::vector<FieldSpec> fields_;
  std::int64_t size_;
  std::string label_field_;
  std::string note_;
  Object dataset_;
};

} // namespace

std::unique_ptr<Dataset> open_dataset(std::string const& spec, Requirements const& requirements) {
  start(requirements, false);
  return with_python(
      [&] { return std::make_unique<EmbeddedDataset>(bridge("dataset").attr("Dataset")(spec)); });
}

} // namespace fod::python::embed
