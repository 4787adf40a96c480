#include "call_spec.hpp"

#include <nlohmann/json.hpp>

namespace fod {

namespace {

/// A dict's context is the list of its keys, as text; an OrderedDict's too.
std::vector<std::string> keys_of(nlohmann::json const& node) {
  auto const& context = node.at("context");
  if (!context.is_string()) {
    return {};
  }
  auto const inner = nlohmann::json::parse(context.get<std::string>(), nullptr, false);
  std::vector<std::string> keys;
  for (auto const& key : inner.is_array() ? inner : nlohmann::json::array()) {
    keys.push_back(key.is_string() ? key.get<std::string>() : key.dump());
  }
  // What other containers keep there names no children.
  return keys.size() == node.at("children_spec").size() ? keys : std::vector<std::string>();
}

CallSpec read_node(nlohmann::json const& node) {
  CallSpec spec;
  if (node.at("type").is_null()) {
    return spec;
  }
  spec.type = node.at("type").get<std::string>();
  spec.keys = keys_of(node);
  for (auto const& child : node.at("children_spec")) {
    spec.children.push_back(read_node(child));
  }
  return spec;
}

c10::IValue assemble_from(CallSpec const& spec, std::vector<torch::Tensor> const& tensors,
                          std::size_t& next) {
  if (spec.type.empty()) {
    return tensors.at(next++);
  }
  if (!spec.keys.empty()) {
    c10::impl::GenericDict dict(c10::StringType::get(), c10::AnyType::get());
    for (std::size_t i = 0; i < spec.children.size(); ++i) {
      dict.insert(spec.keys[i], assemble_from(spec.children[i], tensors, next));
    }
    return dict;
  }
  std::vector<c10::IValue> elements;
  for (auto const& child : spec.children) {
    elements.push_back(assemble_from(child, tensors, next));
  }
  return c10::ivalue::Tuple::create(std::move(elements));
}

} // namespace

std::size_t CallSpec::leaves() const {
  std::size_t count = type.empty() ? 1 : 0;
  for (auto const& child : children) {
    count += child.leaves();
  }
  return count;
}

CallSpec parse_call_spec(std::string const& json) {
  return read_node(nlohmann::json::parse(json).at(1)); // the first is the format's version
}

c10::IValue assemble(CallSpec const& spec, std::vector<torch::Tensor> const& tensors) {
  std::size_t next = 0;
  return assemble_from(spec, tensors, next);
}

} // namespace fod
