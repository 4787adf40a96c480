#include "exchange.hpp"
#include "open.hpp"

namespace fod::python::embed {

namespace {

class EmbeddedModel final : public Model {
public:
  explicit EmbeddedModel(py::object model)
      : kind_(model.attr("kind").cast<std::string>()), model_(std::move(model)) {
    auto const arity = model_.get().attr("arity").cast<py::tuple>();
    arity_ = {arity[0].cast<std::int64_t>(), arity[1].cast<std::int64_t>(),
              arity[2].cast<std::string>()};
  }

  Array call(std::span<Array const> inputs, std::string const& key) override {
    return with_python([&] {
      return from_capsule(model_.get().attr("call")(to_capsules(inputs), key).cast<py::capsule>());
    });
  }

  void run(std::span<Array const> inputs) override {
    with_python([&] { model_.get().attr("call")(to_capsules(inputs), py::none()); });
  }

  [[nodiscard]] Arity arity() const override { return arity_; }

  [[nodiscard]] std::vector<NamedArray> parameters(bool buffers) const override {
    return with_python([&] {
      std::vector<NamedArray> all;
      for (auto const entry : model_.get().attr("parameters")(buffers)) {
        auto const named = entry.cast<py::tuple>();
        all.push_back({named[0].cast<std::string>(), from_capsule(named[1].cast<py::capsule>())});
      }
      return all;
    });
  }

  int enable_dropout() override {
    return with_python([&] { return model_.get().attr("enable_dropout")().cast<int>(); });
  }

  [[nodiscard]] std::vector<NamedModule> submodules() const override {
    return with_python([&] {
      std::vector<NamedModule> all;
      for (auto const entry : model_.get().attr("submodules")()) {
        auto const module = entry.cast<py::tuple>();
        all.push_back({module[0].cast<std::string>(),
                       {},
                       module[2].cast<std::string>(),
                       module[3].cast<std::string>()});
        for (auto const alias : module[1]) {
          all.back().aliases.push_back(alias.cast<std::string>());
        }
      }
      return all;
    });
  }

  void watch(std::vector<std::size_t> const& modules, ModuleCalled called) override {
    with_python([&] {
      py::list indices;
      for (auto const module : modules) {
        indices.append(module);
      }
      model_.get().attr("watch")(
          indices, py::cpp_function([called = std::move(called)](std::size_t module,
                                                                 py::object const& output,
                                                                 std::string const& problem) {
            if (output.is_none()) {
              called(module, nullptr, problem);
            } else {
              auto const array = from_capsule(output.cast<py::capsule>());
              called(module, &array, problem);
            }
          }));
    });
  }

  [[nodiscard]] std::string kind() const override { return kind_; }

private:
  static py::list to_capsules(std::span<Array const> inputs) {
    py::list capsules;
    for (auto const& input : inputs) {
      capsules.append(to_capsule(input));
    }
    return capsules;
  }

  std::string kind_;
  Object model_;
  Arity arity_;
};

} // namespace

std::unique_ptr<Model> open_model(std::string const& spec, Requirements const& requirements) {
  start(requirements, true);
  return with_python([&] {
    return std::make_unique<EmbeddedModel>(
        bridge("model").attr("Model")(spec, requirements.device, requirements.threads));
  });
}

} // namespace fod::python::embed
