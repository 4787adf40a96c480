#include "row_writer.hpp"

namespace fod {

namespace {

RowBuffer::Sink into(store::ResultWriter& writer) {
  return [&writer](std::size_t section, IndexRange rows, void const* data) {
    writer.write(section, rows, data);
  };
}

} // namespace

bool writes_behind(Machine const& machine) {
  return machine.device.is_cuda || machine.spare_cores > 0;
}

RowWriter::RowWriter(store::ResultWriter& writer, store::Layout const& layout, bool behind)
    : writer_(writer), buffers_{RowBuffer(layout, into(writer)), RowBuffer(layout, into(writer))},
      backlog_(behind) {}

void RowWriter::append(IndexRange samples, BatchResults const& results,
                       std::span<std::int64_t const> labels,
                       std::span<float const* const> activations) {
  auto& buffer = buffers_[current_];
  buffer.append(samples, results, labels, activations);
  if (buffer.full()) {
    flush();
  }
}

void RowWriter::flush() {
  auto& full = buffers_[current_];
  flushes_[current_] = backlog_.post([&full] { full.flush(); });
  current_ = (current_ + 1) % buffers_.size();
  backlog_.wait_for(flushes_[current_]);
}

void RowWriter::complete_block(std::int64_t block, store::BlockFacts const& facts) {
  flush();
  backlog_.post([this, block, facts] { writer_.complete_block(block, facts); });
}

void RowWriter::checkpoint() {
  backlog_.post([this] {
    in_checkpoint_ = true; // until it is done
    writer_.checkpoint();
    in_checkpoint_ = false;
  });
}

void RowWriter::drop_block() {
  drain();
  forget();
}

void RowWriter::forget() {
  for (auto& buffer : buffers_) {
    buffer.drop();
  }
  writer_.drop_block();
}

bool RowWriter::save_what_can_be() {
  bool saved = false;
  try {
    drain();
    saved = true;
  } catch (std::exception const&) {
    saved = !in_checkpoint_;
  }
  forget();
  if (saved) {
    writer_.checkpoint(); // here: nothing is behind any more
  }
  return saved;
}

} // namespace fod
