#include "batch_size.hpp"

#include "fod/text.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <sstream>

namespace fod {

namespace {

constexpr std::int64_t first_size = 8;
constexpr std::int64_t largest_size = 8192;
constexpr std::int64_t least_batches = 8; ///< of every rank
constexpr double close_to_best = 0.95;
constexpr int runs = 3;              ///< after one that warms up
constexpr double longest_pass = 2.0; ///< seconds; larger batches would only cost time
constexpr int patience = 2;          ///< sizes in a row that bring nothing

struct Timing {
  std::int64_t size = 0;
  double per_second = 0; ///< samples
};

/// Tries one size after the other on this rank.
class Search {
public:
  Search(Inputs const& inputs, Model& model, Machine const& machine, std::int64_t limit)
      : inputs_(inputs), model_(model), machine_(machine), limit_(limit) {}

  BatchSizeChoice run() {
    double best = 0;
    int worse = 0;
    for (auto size = std::min(first_size, limit_); size <= limit_ && worse < patience; size *= 2) {
      auto const before = memory_of(machine_.device).available;
      double seconds = 0;
      try {
        seconds = time_of(size);
      } catch (std::exception const&) {
        if (timings_.empty()) {
          throw;
        }
        break; // the model, or the memory, takes no batch of this size
      }
      if (model_.micro_batch() < size) {
        break; // memory ran out
      }
      timings_.push_back({size, static_cast<double>(size) / seconds});
      worse = timings_.back().per_second * close_to_best > best ? 0 : worse + 1;
      best = std::max(best, timings_.back().per_second);
      auto const taken = before - memory_of(machine_.device).available;
      if (seconds > longest_pass || taken > before / 4) {
        break;
      }
    }
    return choose(best);
  }

private:
  double time_of(std::int64_t size) {
    model_.set_batch_size(size);
    Checksum ignored;
    inputs_.fill(model_, {0, std::min(size, inputs_.dataset.size())}, ignored);
    if (timings_.empty()) {
      model_.set_input_types(model_.find_input_types());
    }
    double shortest = INFINITY;
    for (int run = 0; run <= runs; ++run) {
      auto const start = std::chrono::steady_clock::now();
      pass();
      std::chrono::duration<double> const took = std::chrono::steady_clock::now() - start;
      shortest = run == 0 ? shortest : std::min(shortest, took.count());
      if (took.count() > longest_pass || model_.micro_batch() < size) {
        return std::min(shortest, took.count());
      }
    }
    return shortest;
  }

  void pass() {
    model_.begin_batch(0);
    for (std::size_t member = 0; member < model_.member_count(); ++member) {
      auto const output = model_.forward(member);
      if (machine_.device.is_cuda) {
        output.stream.wait();
      }
    }
  }

  [[nodiscard]] BatchSizeChoice choose(double best) const {
    BatchSizeChoice choice;
    std::ostringstream evidence;
    bool chosen = false;
    for (auto const& timing : timings_) {
      evidence << (evidence.tellp() > 0 ? ", " : "") << timing.size << ": "
               << grouped(std::llround(timing.per_second)) << "/s";
      if (!chosen && timing.per_second >= close_to_best * best) {
        choice.size = timing.size;
        chosen = true;
      }
    }
    choice.evidence = evidence.str();
    return choice;
  }

  Inputs const& inputs_;
  Model& model_;
  Machine const& machine_;
  std::int64_t limit_;
  std::vector<Timing> timings_;
};

} // namespace

BatchSizeChoice find_batch_size(Inputs const& inputs, Model& model, Machine const& machine,
                                Comm const& comm) {
  auto const limit = std::clamp<std::int64_t>(inputs.dataset.size() / (comm.size() * least_batches),
                                              1, largest_size);
  BatchSizeChoice choice;
  std::string text;
  comm.on_root([&] {
    choice = Search(inputs, model, machine, limit).run();
    text = std::to_string(choice.size) + " " + choice.evidence;
  });
  std::istringstream agreed(comm.broadcast(text));
  agreed >> choice.size >> std::ws;
  std::getline(agreed, choice.evidence);
  comm.agree([&] { model.set_batch_size(choice.size); });
  return choice;
}

} // namespace fod
