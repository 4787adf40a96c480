#include "batch_reader.hpp"

#include "rows.hpp"

#include <algorithm>

namespace fod {

namespace {

/// One that the model works on, one that is ready, one that is being filled.
constexpr std::size_t slots_ahead = 3;

/// Makes them, and tells where they are, by slot and field.
std::vector<std::vector<std::span<std::byte>>> make_slots(Prepared& job, std::size_t depth) {
  auto const count = input_slots(reads_ahead(*job.inputs, job.machine), depth);
  job.model->set_input_slots(count);
  std::vector<std::vector<std::span<std::byte>>> slots;
  for (std::size_t slot = 0; slot < count; ++slot) {
    slots.push_back(slot_of(*job.model, job.inputs->dataset.field_count(), slot));
  }
  return slots;
}

} // namespace

bool reads_ahead(Inputs const& inputs, Machine const& machine) {
  auto const threads = inputs.reading_threads();
  return threads > 0 && (machine.device.is_cuda || machine.spare_cores >= threads);
}

std::size_t input_slots(bool ahead, std::size_t depth) {
  return ahead ? std::max(slots_ahead, depth + 1) : depth;
}

BatchReader::BatchReader(Prepared& job, std::span<Todo const> todo, std::size_t depth)
    : inputs_(*job.inputs), grid_(job.plan.layout.grid), todo_(todo),
      memory_(make_slots(job, depth)), batches_(memory_.size()),
      ahead_(memory_.size(), reads_ahead(inputs_, job.machine),
             [this](std::size_t slot) { return read(slot); }) {}

ReadBatch const* BatchReader::next() {
  auto const slot = ahead_.next();
  return slot ? &batches_[*slot] : nullptr;
}

void BatchReader::release() {
  ++released_;
  ahead_.release();
}

bool BatchReader::read(std::size_t slot) {
  if (block_ == todo_.size()) {
    return false;
  }
  auto& batch = batches_[slot];
  batch.todo = todo_[block_];
  batch.slot = slot;
  auto const block = grid_.samples_of(batch.todo.block);
  auto const begin = block.begin + begin_;
  batch.samples = {begin, std::min(block.end, begin + grid_.batch_size())};
  batch.ends_block = batch.samples.end == block.end;
  inputs_.fill(memory_[slot], batch.samples, data_);
  batch.unreadable = inputs_.dataset.unreadable(batch.samples);
  read_labels(batch);
  begin_ += batch.samples.size();
  if (batch.ends_block) {
    batch.digest = block_digest(data_, batch.todo.block);
    data_ = Checksum();
    begin_ = 0;
    ++block_;
  }
  return true;
}

void BatchReader::read_labels(ReadBatch& batch) const {
  batch.labels_failure = nullptr;
  try {
    inputs_.read_labels(batch.samples, batch.stored_labels);
  } catch (...) {
    batch.labels_failure = std::current_exception();
  }
}

} // namespace fod
