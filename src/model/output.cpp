#include "output.hpp"

#include "torch_support.hpp"

#include "fod/error.hpp"
#include "fod/text.hpp"

#include <charconv>

namespace fod::torch_support {

namespace {

/// Entries of a dict, tuple or list by the names that --output takes.
std::vector<std::pair<std::string, c10::IValue>> entries(c10::IValue const& value) {
  std::vector<std::pair<std::string, c10::IValue>> all;
  if (value.isGenericDict()) {
    for (auto const& entry : value.toGenericDict()) {
      if (entry.key().isString()) {
        all.emplace_back(entry.key().toStringRef(), entry.value());
      } else if (entry.key().isInt()) {
        all.emplace_back(std::to_string(entry.key().toInt()), entry.value());
      }
    }
  } else if (value.isTuple()) {
    auto const& tuple = value.toTupleRef();
    auto const schema = tuple.type()->schema(); // a NamedTuple's entries have names too
    for (std::size_t i = 0; i < tuple.elements().size(); ++i) {
      all.emplace_back(std::to_string(i), tuple.elements()[i]);
    }
    for (std::size_t i = 0; schema != nullptr && i < schema->arguments().size(); ++i) {
      all.emplace_back(schema->arguments()[i].name(), tuple.elements()[i]);
    }
  } else if (value.isList()) {
    auto const& list = value.toListRef();
    for (std::size_t i = 0; i < list.size(); ++i) {
      all.emplace_back(std::to_string(i), list[i]);
    }
  }
  return all;
}

std::vector<std::string> entry_names(c10::IValue const& value) {
  std::vector<std::string> names;
  for (auto const& [name, entry] : entries(value)) {
    names.push_back(name);
  }
  return names;
}

/// As Python calls it.
std::string kind_of(c10::IValue const& value) {
  if (value.isGenericDict()) {
    return "dict";
  }
  if (value.isTuple()) {
    return "tuple";
  }
  if (value.isList()) {
    return "list";
  }
  return value.isString() ? "str" : value.tagKind();
}

c10::IValue step_into(c10::IValue const& value, std::string const& name) {
  for (auto const& [other, entry] : entries(value)) {
    if (other == name) {
      return entry;
    }
  }
  auto const names = entry_names(value);
  throw bad_input("the model's output has no entry '" + name + "'",
                  names.empty() ? "it is a " + kind_of(value) : "it has " + joined(names),
                  "name one of its entries with --output");
}

[[noreturn]] void refuse_non_tensor(c10::IValue const& value) {
  auto const names = entry_names(value);
  // These words are known to users of the Python tool.
  throw bad_input("Model must return a torch.Tensor (logits or probs).",
                  "it returned a " + kind_of(value),
                  names.empty() ? "return the class scores"
                                : "name the entry with the class scores with --output, one of " +
                                      joined(names));
}

} // namespace

ModelOutput select_output(c10::IValue const& output, std::string const& key) {
  auto value = output;
  for (std::size_t begin = 0; begin < key.size();) {
    auto const end = std::min(key.find('.', begin), key.size());
    value = step_into(value, key.substr(begin, end - begin));
    begin = end + 1;
  }
  if (!value.isTensor() || !value.toTensor().defined()) {
    refuse_non_tensor(value);
  }
  return to_output(value.toTensor());
}

ModelOutput to_output(torch::Tensor const& tensor) {
  auto owner = std::make_shared<torch::Tensor>(tensor.contiguous());
  ModelOutput result;
  result.values = owner->const_data_ptr();
  result.type = element_type_of(owner->scalar_type());
  result.shape = owner->sizes().vec();
  result.owner = std::move(owner);
  return result;
}

} // namespace fod::torch_support
