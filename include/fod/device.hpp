#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace fod {

/// Where a rank computes.
struct Device {
  bool is_cuda = false;
  int index = -1;      ///< of the GPU among the visible ones; -1 on the CPU
  std::string name;    ///< as the driver or /proc/cpuinfo gives it
  std::string uuid;    ///< of the GPU, whatever its index under a mask; empty on the CPU
  bool is_tpu = false; ///< a JAX callable reaches a TPU by itself; all else is done by the CPU

  /// "cpu", "cuda:0" or "tpu".
  [[nodiscard]] std::string label() const;
};

/// What decides which GPU a rank gets.
struct DeviceRequest {
  std::string device = "auto"; ///< auto|cpu|cuda|cuda:K|gpu|gpu:K|tpu
  int local_rank = 0;
  int local_size = 1;
  bool share_gpus = false;
  bool python_model = false; ///< of which alone a TPU can be asked
};

/// Which of the `visible` GPUs a rank gets: the one asked for, else the one with its node-local
/// rank; the only one where a mask shows each rank its own.
/// @throws Error (usage) if there is none for it
int choose_gpu(DeviceRequest const& request, int visible);

/// Chooses this rank's device and makes it current before any other CUDA call. `auto` takes the
/// CPU where no GPU works; then `warning` says why if there seemed to be one.
/// @throws Error (usage) for a GPU that is not there, or more ranks than GPUs without sharing
Device bind_device(DeviceRequest const& request, std::string& warning);

/// Device and node of one rank.
struct Placement {
  std::string host;
  std::string uuid;
};

/// True if two ranks have the same GPU (masks can hide that: UUIDs are compared).
bool gpu_is_shared(std::vector<Placement> const& ranks);

/// The cores that this process may run on.
std::vector<int> bound_cores();
/// Threads for a rank: the cores bound to it, divided by the ranks of its node bound to the same.
int threads_for(std::vector<int> const& own, std::vector<std::vector<int>> const& on_node);

/// Total and free bytes of the device's memory; of the machine's on the CPU.
struct MemoryInfo {
  std::int64_t total = 0;
  std::int64_t available = 0;
};
MemoryInfo memory_of(Device const& device);

class Event;

/// A CUDA stream, owned elsewhere. Null on the CPU and for the default stream.
struct StreamView {
  void* handle = nullptr;
  /// Waits for the work queued so far by an event, not for the whole device. It makes one each
  /// time: loops keep an `Event` of their own.
  void wait() const;
  /// What is queued from now on begins once the event has come; the host goes on. An event that was
  /// never recorded has come.
  void wait_for(Event const& event) const;
};

/// Move-only owner of a stream beside all others: neither waits for the default stream nor is
/// waited for by it. Made by default it is none, as on the CPU.
class Stream {
public:
  Stream() = default;
  /// Without a GPU it is none, too.
  explicit Stream(Device const& device);
  Stream(Stream&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Stream& operator=(Stream&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  Stream(Stream const&) = delete;
  Stream& operator=(Stream const&) = delete;
  ~Stream();

  [[nodiscard]] StreamView view() const { return {handle_}; }

private:
  void* handle_ = nullptr;
};

/// Move-only owner of a point in a stream's work, recorded again and again. It is made when it is
/// first recorded, so that one that never is needs no GPU.
class Event {
public:
  Event() = default;
  Event(Event&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Event& operator=(Event&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  Event(Event const&) = delete;
  Event& operator=(Event const&) = delete;
  ~Event();

  /// Comes when the work queued so far is done.
  void record(StreamView stream);
  /// Blocks the host until it has come; at once if it was never recorded.
  void wait() const;
  /// Both.
  void wait_for_all_of(StreamView stream) {
    record(stream);
    wait();
  }

private:
  friend struct StreamView;
  void* handle_ = nullptr;
};

/// Move-only owner of plain bytes on the device, or of pinned ones on the host.
class Buffer {
public:
  enum class Place { host, pinned, device };

  Buffer() = default;
  Buffer(std::size_t bytes, Place place);
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  Buffer(Buffer const&) = delete;
  Buffer& operator=(Buffer const&) = delete;
  ~Buffer();

  [[nodiscard]] void* data() const { return data_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  template <class T>
  [[nodiscard]] std::span<T> as() const {
    return {static_cast<T*>(data_), bytes_ / sizeof(T)};
  }

private:
  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(place_, other.place_);
  }
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
  Place place_ = Place::host;
};

/// Queues a copy between host and device, in the direction that the pointers tell.
void copy_async(void* to, void const* from, std::size_t bytes, StreamView stream);

} // namespace fod
