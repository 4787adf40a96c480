#include "fod/device.hpp"

#include "library.hpp"

namespace fod {

namespace {

cudaStream_t handle_of(StreamView stream) {
  return static_cast<cudaStream_t>(stream.handle);
}

} // namespace

Stream::Stream(Device const& device) {
  if (device.is_cuda) {
    cudaStream_t stream = nullptr;
    cuda::check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cannot make a stream");
    handle_ = stream;
  }
}

Stream::~Stream() {
  if (handle_ != nullptr) {
    cudaStreamDestroy(handle_of(view())); // once what is queued is done
  }
}

void Event::record(StreamView stream) {
  if (handle_ == nullptr) {
    cudaEvent_t event = nullptr;
    cuda::check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cannot make an event");
    handle_ = event;
  }
  cuda::check(cudaEventRecord(static_cast<cudaEvent_t>(handle_), handle_of(stream)),
              "cannot record an event");
}

void Event::wait() const {
  if (handle_ != nullptr) {
    cuda::check(cudaEventSynchronize(static_cast<cudaEvent_t>(handle_)), "work on the GPU failed");
  }
}

Event::~Event() {
  if (handle_ != nullptr) {
    cudaEventDestroy(static_cast<cudaEvent_t>(handle_));
  }
}

void StreamView::wait() const {
  Event().wait_for_all_of(*this);
}

void StreamView::wait_for(Event const& event) const {
  if (event.handle_ != nullptr) {
    cuda::check(cudaStreamWaitEvent(handle_of(*this), static_cast<cudaEvent_t>(event.handle_), 0),
                "cannot make a stream wait");
  }
}

} // namespace fod
