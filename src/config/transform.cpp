#include "fod/config.hpp"

#include "fod/error.hpp"

#include <charconv>

namespace fod {

namespace {

Error bad_transform(std::string const& argument, std::string const& why) {
  return bad_input("cannot read --transform " + argument, why,
                   "write temperature=T (T > 0), smooth=ALPHA (0 to 1), topk=K (K >= 1), "
                   "python:module:callable or plugin:libx.so");
}

template <class Number>
Number value_of(std::string const& argument, std::size_t begin) {
  Number value{};
  auto const* end = argument.data() + argument.size();
  auto const result = std::from_chars(argument.data() + begin, end, value);
  if (result.ec != std::errc() || result.ptr != end) {
    throw bad_transform(argument, "'" + argument.substr(begin) + "' is no number of that kind");
  }
  return value;
}

void append(TransformChain& chain, std::string const& argument, RowTransform const& step) {
  if (chain.size == TransformChain::most) {
    throw bad_transform(argument, "there are more than " + std::to_string(TransformChain::most));
  }
  chain.steps[chain.size++] = step;
}

void add(TransformPlan& plan, std::string const& argument) {
  if (argument.starts_with("python:") || argument.starts_with("plugin:")) {
    plan.own.push_back({argument, {}});
    return;
  }
  auto& chain = plan.own.empty() ? plan.first : plan.own.back().then;
  auto const equals = argument.find('=');
  auto const name = argument.substr(0, equals);
  auto const begin = equals == std::string::npos ? argument.size() : equals + 1;
  if (name == "temperature") {
    auto const temperature = value_of<float>(argument, begin);
    if (!(temperature >= 1e-30F && temperature <= 1e30F)) {
      throw bad_transform(argument, "a temperature is above 0");
    }
    if (chain.size > 0 || !plan.own.empty()) {
      throw bad_transform(argument, "it works on logits, but comes after a step that made "
                                    "probabilities of them");
    }
    chain.inverse_temperature /= temperature;
  } else if (name == "smooth") {
    auto const amount = value_of<float>(argument, begin);
    if (!(amount >= 0 && amount <= 1)) {
      throw bad_transform(argument, "ALPHA is from 0 to 1");
    }
    append(chain, argument, {RowTransform::Kind::smooth, amount, 0});
  } else if (name == "topk") {
    auto const count = value_of<std::int64_t>(argument, begin);
    if (count < 1) {
      throw bad_transform(argument, "at least one class is kept");
    }
    append(chain, argument, {RowTransform::Kind::top_k, 0, count});
  } else {
    auto const near = nearest_name(name, {"temperature", "smooth", "topk"});
    throw bad_transform(argument,
                        near.empty() ? "there is no such transform" : "did you mean " + near + "?");
  }
}

} // namespace

TransformPlan parse_transforms(std::vector<std::string> const& arguments) {
  TransformPlan plan;
  for (auto const& argument : arguments) {
    add(plan, argument);
  }
  return plan;
}

} // namespace fod
