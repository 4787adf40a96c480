#include "batch.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>

namespace fod {

BatchRunner::BatchRunner(Prepared& job)
    : job_(job), micro_batch_(job.config.batch_size), finished_micro_batch_(micro_batch_),
      under_way_(job.epilogue ? job.epilogue->depth() : 1) {}

void BatchRunner::start(IndexRange samples, std::size_t slot, std::vector<float*> const& places) {
  job_.model->begin_batch(samples.begin, slot);
  if (job_.watch) {
    job_.watch->begin(job_.config.batch_size, places);
  }
  auto& batch = under_way_[started_ % under_way_.size()];
  batch.outputs.clear(); // a plugin's memory may be used again as soon as it is freed
  for (std::size_t member = 0; member < job_.model->member_count(); ++member) {
    batch.outputs.push_back(forward(*job_.model, member, samples));
    auto const& output = batch.outputs.back();
    stream_ = output.stream;
    if (!job_.config.distributions) {
      continue;
    }
    auto const& known = job_.plan.probe.models[job_.model->model_of(member)];
    require_same_output(output, known, samples);
    job_.epilogue->add(static_cast<std::int64_t>(member), output.values,
                       known.epilogue(samples.size()), stream_);
  }
  announce_micro_batch(samples);
  if (job_.config.distributions) {
    naming(samples, [&] { job_.epilogue->send(samples.size(), stream_); });
  }
  batch.samples = samples;
  batch.micro_batch = micro_batch_;
  ++started_;
}

BatchResults BatchRunner::finish() {
  auto& batch = under_way_[finished_++ % under_way_.size()];
  BatchResults results;
  naming(batch.samples, [&] {
    results = job_.config.distributions ? job_.epilogue->receive() : flags_alone();
    if (job_.watch) {
      job_.watch->finish(stream_);
    }
  });
  batch.outputs.clear();
  finished_micro_batch_ = batch.micro_batch;
  return results;
}

BatchResults BatchRunner::flags_alone() {
  flags_.assign(static_cast<std::size_t>(job_.config.batch_size), 0);
  BatchResults results;
  results.joined.mean.flags = flags_.data();
  return results;
}

/// Memory ran out in this batch, and the model goes on with less at a time.
void BatchRunner::announce_micro_batch(IndexRange samples) {
  if (auto const now = job_.model->micro_batch(); now < micro_batch_) {
    micro_batch_ = now;
    std::cerr << "fod-generate: warning: rank " << job_.machine.rank
              << " ran out of memory at samples " << samples.begin << " to " << samples.end
              << ": it goes on with " << now
              << " at a time (recorded; last bits may differ from a run with enough memory)"
              << std::endl;
  }
}

std::size_t batches_under_way(Model const& model, LayerWatch const* watch) {
  if (watch != nullptr) {
    return 1;
  }
  if (auto const* asked = std::getenv("FOD_BATCHES_UNDER_WAY"); asked != nullptr) {
    return std::clamp<std::size_t>(std::strtoul(asked, nullptr, 10), 1,
                                   8); // of tests without a GPU
  }
  return model.runs_ahead() ? 2 : 1;
}

void kept_activations(Prepared& job, std::vector<float const*>& all) {
  all.clear();
  for (std::size_t i = 0; i < job.plan.layout.activations.size(); ++i) {
    all.push_back(job.watch->on_host(i).data());
  }
}

void BatchRunner::require_same_output(ModelOutput const& output, ModelProbe const& known,
                                      IndexRange samples) const {
  auto const columns = check_output(output, job_.config.batch_size, known.mode);
  if (columns != known.inputs || output.type != known.output_type) {
    throw run_failure("samples " + std::to_string(samples.begin) + " to " +
                          std::to_string(samples.end) + ": the model returned " +
                          std::to_string(columns) + " values per sample",
                      "it returned " + std::to_string(known.inputs) + " for block 0",
                      "use a model whose output does not change its shape or type");
  }
}

} // namespace fod
