#include "fod/error.hpp"
#include "fod/layers.hpp"

#include <catch2/catch.hpp>

namespace {

using Catch::Matchers::Contains;
using Names = std::vector<std::string>;

std::vector<fod::Layer> layers() {
  std::vector<fod::Layer> all;
  for (auto const* name : {"conv1", "layer1.0.conv1", "layer1.0.relu", "layer1.0.relu#1",
                           "layer1.1.conv1", "fc", "fc#1", "unused", "layer1.9.unused"}) {
    fod::Layer layer;
    layer.name = name;
    layer.calls = layer.name.find('#') == std::string::npos ? 1 : 2;
    all.push_back(layer);
  }
  all[2].calls = 2;
  all[5].calls = 2;
  all[5].aliases = {"tied"};
  all[6].aliases = {"tied#1"};
  all[7].problem = "it is not called in the forward";
  all[8].problem = "it is not called in the forward";
  return all;
}

Names chosen(Names const& patterns, std::vector<fod::Layer> const& from = layers()) {
  Names names;
  for (auto const& layer : fod::choose_layers(from, patterns)) {
    names.push_back(layer.name);
  }
  return names;
}

} // namespace

TEST_CASE("layers are chosen by name, in the order in which they run", "[taps]") {
  CHECK(chosen({"fc"}) == Names{"fc"});
  CHECK(chosen({"fc#1", "conv1", "fc", "conv1"}) == Names{"conv1", "fc", "fc#1"});
  CHECK(chosen({"tied"}) == Names{"fc"});
  CHECK(chosen({"tied#1"}) == Names{"fc#1"});
  CHECK(chosen({}).empty());
}

TEST_CASE("a leading module. makes no difference", "[taps]") {
  CHECK(chosen({"module.fc"}) == Names{"fc"});
  CHECK(chosen({"module.layer1.*.conv1"}) == Names{"layer1.0.conv1", "layer1.1.conv1"});
  auto wrapped = layers();
  for (auto& layer : wrapped) {
    layer.name = "module." + layer.name;
  }
  CHECK(chosen({"fc"}, wrapped) == Names{"module.fc"});
  CHECK(chosen({"module.fc"}, wrapped) == Names{"module.fc"});
  CHECK(chosen({"conv*"}, wrapped) == Names{"module.conv1"});
}

TEST_CASE("globs choose all calls that can be tapped", "[taps]") {
  CHECK(chosen({"fc*"}) == Names{"fc", "fc#1"});
  CHECK(chosen({"*.relu*"}) == Names{"layer1.0.relu", "layer1.0.relu#1"});
  CHECK(chosen({"layer1.?.conv1"}) == Names{"layer1.0.conv1", "layer1.1.conv1"});
  CHECK(chosen({"layer1.[1-9].*"}) == Names{"layer1.1.conv1"});
  CHECK(chosen({"layer1.[!1-9].c*"}) == Names{"layer1.0.conv1"});
  CHECK(chosen({"*conv1"}) == Names{"conv1", "layer1.0.conv1", "layer1.1.conv1"});
  CHECK(chosen({"*"}).size() == 7);
  CHECK(chosen({"t?ed"}) == Names{"fc"});
  CHECK(chosen({"*1*0*c*1"}) == Names{"layer1.0.conv1"});
}

TEST_CASE("what is not chosen says why", "[taps]") {
  CHECK_THROWS_WITH(chosen({"fcc"}), Contains("the model has no layer 'fcc'") &&
                                         Contains("did you mean 'fc'?") &&
                                         Contains("--list-layers shows them"));
  CHECK_THROWS_WITH(chosen({"fc#2"}),
                    Contains("no layer 'fc#2'") && Contains("'fc' is called 2 times in a forward"));
  CHECK_THROWS_WITH(chosen({"fc", "x*"}), Contains("no layer's name fits 'x*'"));
  CHECK_THROWS_WITH(chosen({"unused"}), Contains("layer 'unused' cannot be tapped (it is not "
                                                 "called in the forward)"));
  CHECK_THROWS_WITH(chosen({"*.unused"}), Contains("layer 'layer1.9.unused' cannot be tapped"));
  CHECK_THROWS_WITH(chosen({"[fc"}), Contains("no layer's name fits"));
}
