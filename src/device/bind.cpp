#include "fod/device.hpp"

#include "fod/error.hpp"
#include "libraries.hpp"
#include "library.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sched.h>
#include <set>

namespace fod {

namespace {

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) == 0) {
      return line.substr(std::min(line.find(": "), line.size() - 2) + 2);
    }
  }
  return "CPU";
}

/// `auto`, `cpu` or `cuda`, and the index if one was given.
struct Wish {
  std::string kind;
  int index = -1;
};

Wish parse(std::string const& device) {
  Wish wish{device.substr(0, device.find(':'))};
  if (wish.kind == "gpu") {
    wish.kind = "cuda";
  }
  if (auto const colon = device.find(':'); colon != std::string::npos) {
    auto const* end = device.data() + device.size();
    auto const result = std::from_chars(device.data() + colon + 1, end, wish.index);
    if (result.ec != std::errc() || result.ptr != end || wish.index < 0 || wish.kind != "cuda") {
      wish.kind = "";
    }
  }
  if (wish.kind != "auto" && wish.kind != "cpu" && wish.kind != "cuda" && wish.kind != "tpu") {
    throw bad_input("unknown --device " + device,
                    "it is none of auto, cpu, cuda, cuda:K, gpu, gpu:K, tpu",
                    "use --device auto, which takes a GPU where there is one");
  }
  return wish;
}

std::string uuid_text(cudaUUID_t const& uuid) {
  constexpr char const* digits = "0123456789abcdef";
  std::string text;
  for (auto const byte : uuid.bytes) {
    auto const value = static_cast<unsigned char>(byte);
    text += {digits[value >> 4], digits[value & 15]};
  }
  return text;
}

Device bind_gpu(int index) {
  cuda::load_libraries();
  cuda::check(cudaSetDevice(index), "cannot use GPU " + std::to_string(index));
  cudaDeviceProp properties{};
  cuda::check(cudaGetDeviceProperties(&properties, index), "cannot ask the GPU what it is");
  cuda::check(cudaFree(nullptr), "GPU " + std::to_string(index) + " does not work");
  return {true, index, properties.name, uuid_text(properties.uuid)};
}

} // namespace

int choose_gpu(DeviceRequest const& request, int visible) {
  auto const wish = parse(request.device);
  if (wish.index >= 0) {
    if (wish.index >= visible) {
      throw bad_input("there is no GPU " + std::to_string(wish.index),
                      std::to_string(visible) + " visible, counted from 0",
                      "look at CUDA_VISIBLE_DEVICES and nvidia-smi");
    }
    return wish.index;
  }
  if (visible == 1 || request.share_gpus) {
    return request.local_rank % visible;
  }
  if (request.local_rank >= visible) {
    throw bad_input(std::to_string(request.local_size) + " ranks on this node, but " +
                        std::to_string(visible) + " GPUs",
                    "each rank takes one GPU",
                    "start as many ranks as there are GPUs, or pass --share-gpus");
  }
  return request.local_rank;
}

std::string Device::label() const {
  return is_cuda ? "cuda:" + std::to_string(index) : is_tpu ? "tpu" : "cpu";
}

Device bind_device(DeviceRequest const& request, std::string& warning) {
  auto const wish = parse(request.device);
  Device const cpu{false, -1, cpu_name(), {}};
  if (wish.kind == "cpu") {
    return cpu;
  }
  if (wish.kind == "tpu") {
    if (!request.python_model) {
      throw bad_input("--device tpu is not for this model", "a TPU is reached only through JAX",
                      "pass a JAX callable as --model python:module:callable");
    }
    return {false, -1, "by JAX, data on " + cpu.name, {}, true};
  }
  int count = 0;
  auto const status = cudaGetDeviceCount(&count);
  bool const none = status == cudaErrorNoDevice || status == cudaErrorInsufficientDriver;
  std::string const why = cudaGetErrorString(status);
  if (status == cudaSuccess && count > 0) {
    if (wish.kind == "cuda") {
      return bind_gpu(choose_gpu(request, count));
    }
    auto const index = choose_gpu(request, count);
    try {
      return bind_gpu(index);
    } catch (Error const& error) {
      warning = "no GPU works, the CPU is used (" + error.message().why + ")";
      return cpu;
    }
  }
  if (wish.kind == "cuda") {
    throw bad_input("--device " + request.device + " asks for a GPU, but there is none",
                    "CUDA: " + why, "use --device cpu, or a node with a GPU and its driver");
  }
  if (!none) {
    warning = "no GPU works, the CPU is used (CUDA: " + why + ")";
  }
  return cpu;
}

bool gpu_is_shared(std::vector<Placement> const& ranks) {
  std::set<std::pair<std::string, std::string>> seen;
  return !std::all_of(ranks.begin(), ranks.end(), [&](Placement const& rank) {
    return rank.uuid.empty() || seen.emplace(rank.host, rank.uuid).second;
  });
}

std::vector<int> bound_cores() {
  // Wider than cpu_set_t, whose 1,024 cores some machines exceed.
  constexpr int most = 8192;
  std::vector<int> cores;
  cpu_set_t* set = CPU_ALLOC(most);
  auto const bytes = CPU_ALLOC_SIZE(most);
  if (sched_getaffinity(0, bytes, set) == 0) {
    for (int core = 0; core < most; ++core) {
      if (CPU_ISSET_S(static_cast<std::size_t>(core), bytes, set)) {
        cores.push_back(core);
      }
    }
  }
  CPU_FREE(set);
  return cores;
}

int threads_for(std::vector<int> const& own, std::vector<std::vector<int>> const& on_node) {
  auto const sharing = std::max<std::ptrdiff_t>(1, std::count(on_node.begin(), on_node.end(), own));
  return static_cast<int>(std::max<std::ptrdiff_t>(1, std::ssize(own) / sharing));
}

} // namespace fod
