#include "library.hpp"

#include "fod/error.hpp"
#include "fod/plugin.hpp"
#include "fod/plugin_abi.h"

namespace fod::plugin {

namespace {

class PluginTransform : public HostTransform {
public:
  explicit PluginTransform(Spec const& spec)
      : library_(spec.path),
        apply_(library_.function<decltype(fod_transform_apply)>("fod_transform_apply")),
        transform_(open(spec),
                   library_.function<decltype(fod_transform_close)>("fod_transform_close")) {}

  void apply(float* rows, std::int64_t count, std::int64_t classes) override {
    ErrorText error;
    if (apply_(transform_.get(), rows, count, classes, error.data(), error.size()) != 0) {
      throw run_failure("the transform " + library_.path() + " failed on " + std::to_string(count) +
                            " distributions",
                        error.text(), "see that it takes every distribution");
    }
  }

private:
  [[nodiscard]] fod_transform* open(Spec const& spec) const {
    fod_transform* transform = nullptr;
    ErrorText error;
    auto* const make = library_.function<decltype(fod_transform_open)>("fod_transform_open");
    if (make(spec.options.c_str(), &transform, error.data(), error.size()) != 0 ||
        transform == nullptr) {
      throw bad_input("the plugin " + spec.path + " makes no transform", error.text(),
                      "look at the options after '?' in --transform");
    }
    return transform;
  }

  Library library_;
  decltype(fod_transform_apply)* apply_;
  std::unique_ptr<fod_transform, decltype(fod_transform_close)*> transform_;
};

} // namespace

std::unique_ptr<HostTransform> open_transform(std::string const& spec) {
  return std::make_unique<PluginTransform>(parse_spec(spec));
}

} // namespace fod::plugin
