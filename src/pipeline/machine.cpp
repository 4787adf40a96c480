#include "machine.hpp"

#include "fod/python.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace fod {

namespace {

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::string to_text(std::vector<int> const& cores) {
  std::string text;
  for (auto const core : cores) {
    text += std::to_string(core) + " ";
  }
  return text;
}

std::vector<int> to_cores(std::string const& text) {
  std::istringstream in(text);
  std::vector<int> cores;
  for (int core = 0; in >> core;) {
    cores.push_back(core);
  }
  return cores;
}

void find_threads(Config const& config, Comm const& comm, Machine& machine) {
  auto const& hosts = machine.hosts;
  auto const own = bound_cores();
  auto const all = comm.all_gather(to_text(own));
  std::vector<std::vector<int>> on_node;
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    if (hosts[rank] == hosts[static_cast<std::size_t>(comm.rank())]) {
      on_node.push_back(to_cores(all[rank]));
    }
  }
  auto const cores = threads_for(own, on_node);
  machine.threads = config.threads > 0 ? config.threads : cores;
  machine.spare_cores = std::max(0, cores - machine.threads);
}

void refuse_sharing(Config const& config, Comm const& comm, Machine& machine) {
  auto const uuids = comm.all_gather(machine.device.uuid);
  std::vector<Placement> placements;
  bool all_cuda = true;
  for (std::size_t rank = 0; rank < uuids.size(); ++rank) {
    placements.push_back({machine.hosts[rank], uuids[rank]});
    all_cuda = all_cuda && !uuids[rank].empty();
  }
  bool const shared = gpu_is_shared(placements);
  machine.gpu_each = all_cuda && !shared;
  if (shared && !config.share_gpus) {
    throw AgreedError(bad_input("two ranks have the same GPU",
                                "each takes one of its own, unless told otherwise",
                                "start as many ranks as there are GPUs, look at "
                                "CUDA_VISIBLE_DEVICES, or pass --share-gpus"));
  }
}

} // namespace

Machine find_machine(Config const& config, Comm const& comm) {
  Machine machine;
  machine.rank = comm.rank();
  comm.agree([&] {
    machine.device =
        bind_device({config.device, comm.local_rank(), comm.local_size(), config.share_gpus,
                     std::any_of(config.models.begin(), config.models.end(), python::is_python)},
                    machine.warning);
  });
  machine.hosts = comm.all_gather(host_name());
  machine.devices = comm.all_gather(machine.device.label() + " " + machine.device.name);
  refuse_sharing(config, comm, machine);
  find_threads(config, comm, machine);
  return machine;
}

std::int64_t anonymous_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("RssAnon:", 0) == 0) {
      return std::stoll(line.substr(8)) * 1024;
    }
  }
  return 0;
}

} // namespace fod
