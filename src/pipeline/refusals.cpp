#include "refusals.hpp"

#include "fod/error.hpp"

namespace fod {

namespace {

/// The first model whose row is no distribution.
std::size_t model_with_flag(Prepared const& job, BatchResults const& results, std::int64_t row) {
  for (std::int64_t member = 0; member < job.plan.layout.members; ++member) {
    auto const flags = results.members.flags[member * results.member_rows + row];
    if ((flags & row_no_distribution) != 0) {
      return job.model->model_of(static_cast<std::size_t>(member));
    }
  }
  return 0;
}

Error no_distribution(Prepared const& job, std::int64_t sample, std::size_t model) {
  auto const& known = job.plan.probe.models[model];
  auto const name = "sample " + std::to_string(sample) +
                    (job.model->model_count() > 1 ? " of " + job.config.models[model] : "");
  if (known.mode == OutputMode::probs || known.mode == OutputMode::positive) {
    return run_failure(name + " has no probabilities",
                       "the output mode is " + std::string(name_of(known.mode)) + " (" +
                           known.evidence + "), but its row is outside [0, 1] or does not sum to 1",
                       "say --output-mode logits, or mend the model");
  }
  return run_failure(name + " has no distribution any more",
                     "after --transform its row is outside [0, 1] or does not sum to 1",
                     "look at the transforms");
}

} // namespace

void refuse_others(Prepared const& job, BatchResults const& results, IndexRange samples) {
  for (std::int64_t i = 0; i < samples.size(); ++i) {
    if ((results.joined.mean.flags[i] & row_no_distribution) != 0) {
      throw no_distribution(job, samples.begin + i, model_with_flag(job, results, i));
    }
  }
}

} // namespace fod
