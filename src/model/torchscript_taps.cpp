#include "torchscript_taps.hpp"

#include "fod/error.hpp"

#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/custom_operator.h>

#include <algorithm>
#include <cctype>

namespace fod {

namespace {

namespace jit = torch::jit;

/// Where the operator finds the forward that it is in. Interpreters run in the thread that calls.
thread_local LayerCalled const* current_forward = nullptr;

class ForwardScope {
public:
  explicit ForwardScope(LayerCalled const& called) : before_(current_forward) {
    current_forward = &called;
  }
  ForwardScope(ForwardScope const&) = delete;
  ForwardScope& operator=(ForwardScope const&) = delete;
  ~ForwardScope() { current_forward = before_; }

private:
  LayerCalled const* before_;
};

/// In order of the output's parts; undefined if there is none.
torch::Tensor first_tensor(c10::IValue const& value) {
  if (value.isTensor()) {
    return value.toTensor();
  }
  torch::Tensor found;
  if (value.isTuple()) {
    for (auto const& element : value.toTupleRef().elements()) {
      found = found.defined() ? found : first_tensor(element);
    }
  } else if (value.isList()) {
    for (auto const& element : value.toListRef()) {
      found = found.defined() ? found : first_tensor(element);
    }
  } else if (value.isGenericDict()) {
    for (auto const& entry : value.toGenericDict()) {
      found = found.defined() ? found : first_tensor(entry.value());
    }
  }
  return found;
}

void run_tap(jit::Stack& stack) {
  auto const submodule = jit::pop(stack).toInt();
  auto const value = jit::pop(stack);
  if (current_forward != nullptr) {
    (*current_forward)(static_cast<std::size_t>(submodule), {first_tensor(value), {}});
  }
}

/// The operator that stands behind each call. "Conservative" says that it has effects, so that it
/// is not removed, and may change what it gets, so that nothing that changes the value in place
/// moves across it.
c10::Symbol tap_operator() {
  static jit::RegisterOperators const registration({jit::Operator(
      "fod::tap(Any value, int submodule) -> ()", run_tap, c10::AliasAnalysisKind::CONSERVATIVE)});
  return c10::Symbol::fromQualString("fod::tap");
}

constexpr auto const* through_interface =
    "it is called through an interface, which cannot be looked into";

c10::Symbol own_call_mark() {
  return c10::Symbol::attr("fod_own_call");
}

/// True for what a call of the module itself compiles to: "forward", overloads ("forward__0"), and
/// further calls in traces ("forward1").
bool is_forward(std::string_view method) {
  constexpr std::string_view name = "forward";
  if (!method.starts_with(name)) {
    return false;
  }
  method.remove_prefix(name.size());
  method.remove_prefix(method.starts_with("__") ? 2 : 0);
  return std::all_of(method.begin(), method.end(),
                     [](unsigned char letter) { return std::isdigit(letter) != 0; });
}

/// Inlines the calls of submodules' methods, each followed by a tap if it is to be seen.
class Rewriter {
public:
  Rewriter(jit::Module const& root, ScriptTree& tree, std::vector<std::size_t> const& watched)
      : tree_(tree), watched_(watched) {
    auto const method = root.get_method("forward");
    method.function().ensure_defined();
    graph_ = method.graph()->copy();
  }

  std::shared_ptr<jit::Graph> run() {
    rewrite(graph_->block());
    return graph_;
  }

private:
  void rewrite(jit::Block* block) {
    for (auto* node = *block->nodes().begin(); node != block->return_node();) {
      if (node->kind() == c10::prim::CallMethod) {
        if (auto* first = inlined(node)) {
          node = first; // what came in its place may hold calls too
          continue;
        }
      }
      for (auto* inner : node->blocks()) {
        rewrite(inner);
      }
      node = node->next();
    }
  }

  /// The path of the submodule that a value stands for, "" for the model itself.
  std::optional<std::string> path_of(jit::Value* value) const {
    if (value == graph_->inputs()[0]) {
      return "";
    }
    if (value->node()->kind() != c10::prim::GetAttr) {
      return {};
    }
    auto const parent = path_of(value->node()->input());
    auto const& name = value->node()->s(c10::attr::name);
    return !parent ? std::nullopt : std::optional(parent->empty() ? name : *parent + "." + name);
  }

  /// Puts a method's graph in place of its call.
  /// @return the node from which on to go on; null if the call stays
  jit::Node* inlined(jit::Node* call) {
    auto const path = path_of(call->input(0));
    if (!path) {
      hide_container(call->input(0)->node());
      return nullptr;
    }
    if (call->input(0)->type()->kind() != c10::TypeKind::ClassType) {
      tree_.hide(*path, through_interface);
      return nullptr;
    }
    auto* callee = jit::tryToGraphFunction(call);
    if (callee == nullptr) {
      return nullptr;
    }
    auto const& method = call->s(c10::attr::name);
    if (auto const submodule = tree_.find(*path);
        submodule && is_forward(method) && !call->hasAttribute(own_call_mark()) &&
        std::find(watched_.begin(), watched_.end(), *submodule) != watched_.end()) {
      insert_tap(call, *submodule);
    }
    auto* before = call->prev();
    callee->ensure_defined();
    auto const graph = callee->graph()->copy();
    mark_own_calls(graph->block(), graph->inputs()[0]);
    jit::inlineCallTo(call, callee, graph.get());
    return before->next();
  }

  /// Elements of a module list that are chosen when it runs have a common interface.
  void hide_container(jit::Node const* node) {
    if (node->kind() == c10::prim::ModuleContainerIndex) {
      if (auto const path = path_of(node->input(0))) {
        tree_.hide(*path, through_interface);
      }
    }
  }

  void insert_tap(jit::Node* call, std::size_t submodule) {
    jit::WithInsertPoint const after(call->next());
    auto* index = graph_->insertConstant(static_cast<std::int64_t>(submodule));
    graph_->insertNode(graph_->create(tap_operator(), {call->output(), index}, 0));
  }

  /// A method that calls another one of its own module is one call of the module.
  static void mark_own_calls(jit::Block* block, jit::Value* self) {
    for (auto* node : block->nodes()) {
      if (node->kind() == c10::prim::CallMethod && node->input(0) == self) {
        node->i_(own_call_mark(), 1);
      }
      for (auto* inner : node->blocks()) {
        mark_own_calls(inner, self);
      }
    }
  }

  ScriptTree& tree_;
  std::vector<std::size_t> const& watched_;
  std::shared_ptr<jit::Graph> graph_;
};

std::string type_of(jit::Module const& module) {
  auto const name = module.type()->name();
  return name ? name->name() : "";
}

} // namespace

ScriptTree::ScriptTree(jit::Module const& root) {
  add_children(root, "");
}

void ScriptTree::add_children(jit::Module const& module, std::string const& prefix) {
  for (auto const& child : module.named_children()) {
    auto const name = prefix + child.name;
    auto const* object = child.value._ivalue().get();
    auto const known = std::find(objects_.begin(), objects_.end(), object);
    if (known == objects_.end()) {
      objects_.push_back(object);
      submodules_.push_back({name, {}, type_of(child.value), {}});
    } else {
      auto const at = static_cast<std::size_t>(known - objects_.begin());
      submodules_[at].aliases.push_back(name);
    }
    add_children(child.value, name + ".");
  }
}

std::optional<std::size_t> ScriptTree::find(std::string const& path) const {
  auto const found = std::find_if(submodules_.begin(), submodules_.end(), [&](auto const& one) {
    return one.name == path ||
           std::find(one.aliases.begin(), one.aliases.end(), path) != one.aliases.end();
  });
  return found == submodules_.end()
             ? std::nullopt
             : std::optional(static_cast<std::size_t>(found - submodules_.begin()));
}

void ScriptTree::hide(std::string const& path, std::string const& why) {
  for (auto& one : submodules_) {
    if (one.name == path || one.name.starts_with(path + ".")) {
      one.unseen = why;
    }
  }
}

TappedForward::TappedForward(jit::Module const& module, ScriptTree& tree,
                             std::vector<std::size_t> const& watched, LayerCalled called)
    : module_(module), called_(std::move(called)), unit_(std::make_shared<jit::CompilationUnit>()),
      function_(unit_->create_function("tapped_forward", Rewriter(module, tree, watched).run())) {
  function_->setSchema(module.get_method("forward").function().getSchema()); // has the defaults
}

c10::IValue TappedForward::operator()(std::vector<c10::IValue> arguments) {
  ForwardScope const scope(called_);
  arguments.insert(arguments.begin(), module_._ivalue());
  return (*function_)(std::move(arguments));
}

} // namespace fod
