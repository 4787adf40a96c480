#include "script_models.hpp"

#include "fod/epilogue.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace {

constexpr std::int64_t batch_size = 64;
constexpr std::int64_t width = 256;
constexpr std::int64_t classes = 10;
constexpr int batches = 12;

/// Batches of numbers that tell them apart.
std::vector<float> batch(int number) {
  std::vector<float> values(static_cast<std::size_t>(batch_size * width));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = std::sin(static_cast<float>(i) + 10.0F * static_cast<float>(number));
  }
  return values;
}

std::vector<float> copied(fod::BatchResults const& results) {
  auto const* rows = results.joined.mean.distributions;
  return {rows, rows + batch_size * classes};
}

/// All batches through a model, `depth` at a time under way, from slots that are overwritten as
/// soon as they may be.
std::vector<std::vector<float>> run(fod::Device const& device, std::size_t depth) {
  auto model =
      script_models::load(script_models::linear(width, classes), device, batch_size, {width});
  model.set_input_types({{fod::ElementType::float32}});
  model.set_input_slots(depth);
  fod::Epilogue epilogue(device, {batch_size, classes}, {}, depth);
  fod::EpilogueSpec const spec{batch_size, classes, fod::ElementType::float32,
                               fod::OutputMode::logits};
  std::vector<fod::ModelOutput> outputs(depth);
  std::vector<std::vector<float>> all;
  for (int number = 0; number < batches; ++number) {
    auto const slot = static_cast<std::size_t>(number) % depth;
    auto const values = batch(number);
    auto const input = model.input(0, slot);
    std::copy_n(reinterpret_cast<std::byte const*>(values.data()), input.size(), input.begin());
    model.begin_batch(number, slot);
    outputs[slot] = model.forward(0);
    epilogue.add(0, outputs[slot].values, spec, outputs[slot].stream);
    epilogue.send(batch_size, outputs[slot].stream);
    if (number + 1 >= static_cast<int>(depth)) {
      all.push_back(copied(epilogue.receive()));
    }
  }
  while (all.size() < batches) {
    all.push_back(copied(epilogue.receive()));
  }
  return all;
}

} // namespace

TEST_CASE("batches that overlap give the same bits as one after the other") {
  for (auto const& device : job_support::devices()) {
    auto const alone = run(device, 1);
    CHECK(alone[0] != alone[1]);
    CHECK(run(device, 2) == alone);
    CHECK(run(device, 3) == alone);
  }
}

TEST_CASE("a batch's results stay while the next one is added") {
  for (auto const& device : job_support::devices()) {
    fod::Epilogue epilogue(device, {1, 2, {0.5, 0.5}}, {}, 2);
    fod::EpilogueSpec const spec{1, 2, fod::ElementType::float32, fod::OutputMode::probs};
    auto const one = job_support::on_device(device, std::vector{0.25F, 0.75F});
    auto const two = job_support::on_device(device, std::vector{0.5F, 0.5F});
    for (int m = 0; m < 2; ++m) {
      epilogue.add(m, one.data(), spec, {});
    }
    epilogue.send(1, {});
    auto const first = epilogue.receive();
    for (int m = 0; m < 2; ++m) {
      epilogue.add(m, two.data(), spec, {});
    }
    epilogue.send(1, {});
    CHECK(first.joined.mean.distributions[0] == 0.25F);
    CHECK(epilogue.receive().joined.mean.distributions[0] == 0.5F);
  }
}

TEST_CASE("events and streams of nobody are no trouble without a GPU") {
  fod::Event const never;
  never.wait();
  fod::Stream const none(fod::Device{});
  CHECK(none.view().handle == nullptr);
  none.view().wait_for(never);
}

TEST_CASE("a stream waits for what another one was told to do") {
  if (!job_support::has_gpu()) {
    WARN("skipped: there is no GPU");
    return;
  }
  auto const device = job_support::devices().back();
  std::vector<int> const numbers(1 << 20, 7);
  fod::Buffer const there(numbers.size() * sizeof(int), fod::Buffer::Place::device);
  fod::Buffer const back(there.bytes(), fod::Buffer::Place::pinned);
  fod::Stream const up(device);
  fod::Stream const down(device);
  fod::Event sent;
  fod::Event received;
  fod::copy_async(there.data(), numbers.data(), there.bytes(), up.view());
  sent.record(up.view());
  down.view().wait_for(sent);
  fod::copy_async(back.data(), there.data(), there.bytes(), down.view());
  received.wait_for_all_of(down.view());
  auto const values = back.as<int>();
  CHECK(std::all_of(values.begin(), values.end(), [](int value) { return value == 7; }));
}
