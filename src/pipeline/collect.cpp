#include "fod/pipeline.hpp"

#include "batch.hpp"
#include "batch_reader.hpp"
#include "refusals.hpp"
#include "rows.hpp"

#include "fod/error.hpp"

#include <algorithm>

namespace fod {

namespace {

/// Blocks of this rank, all of which are to be run.
std::vector<Todo> blocks_of(store::Layout const& layout, Comm const& comm) {
  std::vector<Todo> todo;
  auto const mine = shard_of(layout.blocks, comm.size(), comm.rank());
  for (auto block = mine.begin; block < mine.end; ++block) {
    todo.push_back({block, false});
  }
  return todo;
}

Error not_finite(std::int64_t sample) {
  return run_failure("sample " + std::to_string(sample) + " has a distribution that is not finite",
                     "the model returned NaN or an infinity", "mend the model or its input");
}

void take(BatchResults const& results, ReadBatch const& batch, CollectedRows& rows) {
  auto const& mean = results.joined.mean;
  for (std::int64_t i = 0; i < batch.samples.size(); ++i) {
    auto const sample = batch.samples.begin + i;
    if (std::ranges::binary_search(batch.unreadable, sample)) {
      continue;
    }
    if ((mean.flags[i] & row_nonfinite) != 0) {
      throw not_finite(sample);
    }
    rows.ids.push_back(sample);
    auto const* const values = mean.distributions + i * rows.classes;
    rows.distributions.insert(rows.distributions.end(), values, values + rows.classes);
  }
}

/// The loop of one rank.
void run(Prepared& job, std::vector<Todo> const& todo, CollectedRows& rows) {
  BatchRunner runner(job);
  BatchReader reader(job, todo, runner.depth());
  std::size_t under_way = 0;
  auto const finish_oldest = [&] {
    auto const results = runner.finish();
    auto const& batch = reader.oldest();
    mark_unreadable(results, batch.samples, job.plan.layout, batch.unreadable);
    refuse_others(job, results, batch.samples);
    take(results, batch, rows);
    reader.release();
    --under_way;
  };
  while (auto const* batch = reader.next()) {
    runner.start(batch->samples, batch->slot);
    if (++under_way == runner.depth()) {
      finish_oldest();
    }
  }
  while (under_way > 0) {
    finish_oldest();
  }
}

} // namespace

CollectedRows collect_rows(Config const& asked, Comm const& comm, Given const& given) {
  Prepared job;
  job.config = asked;
  job.given = given;
  job.in_memory = true;
  prepare(job, comm);
  CollectedRows rows;
  comm.agree([&] {
    rows.classes = job.plan.layout.classes;
    auto const todo = blocks_of(job.plan.layout, comm);
    std::int64_t samples = 0;
    for (auto const& of_block : todo) {
      samples += job.plan.layout.grid.samples_of(of_block.block).size();
    }
    rows.ids.reserve(static_cast<std::size_t>(samples));
    rows.distributions.reserve(static_cast<std::size_t>(samples * rows.classes));
    if (samples > 0) {
      run(job, todo, rows);
    }
  });
  return rows;
}

} // namespace fod
