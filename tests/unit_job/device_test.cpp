#include "fod/device.hpp"
#include "fod/error.hpp"

#include <catch2/catch.hpp>

namespace {

std::string refusal(fod::DeviceRequest const& request) {
  try {
    std::string warning;
    fod::bind_device(request, warning);
  } catch (fod::Error const& error) {
    return error.what();
  }
  return {};
}

} // namespace

TEST_CASE("devices are asked for by name") {
  std::string warning;
  CHECK(fod::bind_device({"cpu"}, warning).label() == "cpu");
  CHECK_THAT(refusal({"tpu"}), Catch::Contains("JAX"));
  for (auto const* name : {"gppu", "cuda:", "cuda:x", "cuda:-1", "cpu:1", ""}) {
    CHECK_THAT(refusal({name}), Catch::Contains("unknown --device"));
  }
  CHECK_THAT(refusal({"cuda:4096"}), Catch::Contains("GPU"));
}

TEST_CASE("a rank gets the GPU of its node-local rank") {
  CHECK(fod::choose_gpu({"auto", 0, 4}, 4) == 0);
  CHECK(fod::choose_gpu({"cuda", 3, 4}, 4) == 3);
  CHECK(fod::choose_gpu({"gpu:2", 0, 1}, 4) == 2);
  CHECK(fod::choose_gpu({"auto", 3, 4}, 1) == 0); // a mask shows each rank its own
  CHECK(fod::choose_gpu({"auto", 5, 8, true}, 4) == 1);
  CHECK_THROWS_WITH(fod::choose_gpu({"auto", 4, 5}, 4),
                    Catch::Contains("5 ranks on this node, but 4 GPUs") &&
                        Catch::Contains("--share-gpus"));
  CHECK_THROWS_WITH(fod::choose_gpu({"cuda:4", 0, 1}, 4), Catch::Contains("no GPU 4"));
}

TEST_CASE("a shared GPU is known by its UUID, whatever its index") {
  CHECK_FALSE(fod::gpu_is_shared({{"a", ""}, {"a", ""}}));
  CHECK_FALSE(fod::gpu_is_shared({{"a", "u1"}, {"a", "u2"}, {"b", "u1"}}));
  CHECK(fod::gpu_is_shared({{"a", "u1"}, {"a", "u1"}}));
}

TEST_CASE("threads are the bound cores, divided by those who share them") {
  CHECK(fod::threads_for({0}, {{0}, {1}}) == 1);
  CHECK(fod::threads_for({0, 1, 2, 3}, {{0, 1, 2, 3}, {0, 1, 2, 3}}) == 2);
  CHECK(fod::threads_for({0, 1}, {{0, 1}, {0, 1}, {0, 1}}) == 1);
  CHECK(fod::threads_for({0, 1, 2, 3}, {{0, 1, 2, 3}}) == 4);
  CHECK_FALSE(fod::bound_cores().empty());
}
