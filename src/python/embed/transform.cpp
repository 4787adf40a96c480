#include "interpreter.hpp"
#include "open.hpp"

namespace fod::python::embed {

namespace {

class EmbeddedTransform final : public HostTransform {
public:
  explicit EmbeddedTransform(py::object transform) : transform_(std::move(transform)) {}

  void apply(float* rows, std::int64_t count, std::int64_t classes) override {
    if (count == 0) {
      return;
    }
    with_python([&] {
      auto const bytes = count * classes * static_cast<std::int64_t>(sizeof(float));
      auto const memory = py::memoryview::from_memory(static_cast<void*>(rows), bytes);
      transform_.get().attr("apply")(memory, count, classes);
    });
  }

private:
  Object transform_;
};

} // namespace

std::unique_ptr<HostTransform> open_transform(std::string const& spec,
                                              Requirements const& requirements) {
  start(requirements, false);
  return with_python([&] {
    return std::make_unique<EmbeddedTransform>(bridge("transform").attr("Transform")(spec));
  });
}

} // namespace fod::python::embed
