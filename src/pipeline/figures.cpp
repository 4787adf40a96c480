#include "figures.hpp"

#include "fod/error.hpp"
#include "fod/nccl.hpp"

#include <sstream>

namespace fod {

void reduce(Totals& totals, Comm const& comm, Machine const& machine) {
  if (machine.gpu_each && comm.size() > 1) {
    NcclComm const nccl(comm);
    comm.agree([&] { nccl.all_sum(totals.sums()); });
  } else {
    comm.all_sum(totals.sums());
  }
}

std::vector<std::int64_t> first_named(std::vector<std::int64_t> const& own, Comm const& comm) {
  std::string words;
  for (auto const sample : own) {
    words += std::to_string(sample) + " ";
  }
  std::vector<std::int64_t> all; // in order, since ranks look at contiguous runs of samples
  for (auto const& of_rank : comm.all_gather(words)) {
    std::istringstream stream(of_rank);
    for (std::int64_t sample = 0; all.size() < Totals::most_named && stream >> sample;) {
      all.push_back(sample);
    }
  }
  return all;
}

std::string names_of(std::vector<std::int64_t> const& named, std::int64_t count) {
  std::string names;
  for (auto const sample : named) {
    names += (names.empty() ? "" : ", ") + std::to_string(sample);
  }
  return names + (std::ssize(named) < count ? ", …" : "");
}

void require_finite(Config const& config, Totals const& totals, Output const& output,
                    Comm const& comm) {
  auto const count = totals.nonfinite(); // of all ranks
  if (count == 0 || config.allow_nonfinite) {
    return;
  }
  auto const named = first_named(totals.named_nonfinite(), comm);
  throw AgreedError(run_failure(
      std::to_string(count) + (count == 1 ? " sample has" : " samples have") +
          " no finite output: " + names_of(named, count),
      "the model returned NaN or infinity",
      "look at these samples; --resume --allow-nonfinite keeps such rows, marked in /row_status; "
      "progress is kept in " +
          output.partial_names()));
}

} // namespace fod
