#include "aoti_package.hpp"

#include "fod/error.hpp"

#include <ATen/Version.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <set>
#include <unistd.h>
#include <zlib.h>

namespace fod {

namespace {

constexpr std::string_view models_folder = "data/aotinductor/";
constexpr char const* export_again = "export it with tools/export_model.py --format aoti";

Error cannot_load(std::string const& path, std::string const& why, std::string const& remedy) {
  return bad_input("cannot load the model " + path, why, remedy);
}

void read_metadata(AotiPackage& package, ArchiveRecord const& file) {
  auto const json = nlohmann::json::parse(file.bytes, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    throw cannot_load(package.path, std::string(file.name) + " is no JSON object", export_again);
  }
  for (auto const& [key, value] : json.items()) {
    package.metadata[key] = value.is_string() ? value.get<std::string>() : value.dump();
  }
}

/// Keeps a record of a model's folder. Their names become paths, so none may lead elsewhere.
void add(AotiPackage& package, std::set<std::string_view>& models, ArchiveRecord const& record) {
  auto const at = record.name.find(models_folder);
  if (at == std::string_view::npos) {
    return;
  }
  auto const inside = record.name.substr(at + models_folder.size());
  auto const slash = inside.find('/');
  if (slash == std::string_view::npos || inside.find('/', slash + 1) != std::string_view::npos ||
      inside.find("..") != std::string_view::npos) {
    throw cannot_load(package.path, "its record " + std::string(record.name) + " is out of place",
                      export_again);
  }
  models.insert(inside.substr(0, slash));
  auto file = record;
  file.name = inside.substr(slash + 1);
  package.files.push_back(file);
}

/// Damaged code would not fail but run.
void require_whole(AotiPackage const& package, ArchiveRecord const& file) {
  if (file.is_compressed) {
    throw cannot_load(package.path, "its files are compressed, as torch never does",
                      "use the file that the export wrote, not one packed again");
  }
  auto const* bytes = reinterpret_cast<unsigned char const*>(file.bytes.data());
  if (crc32_z(crc32_z(0, nullptr, 0), bytes, file.bytes.size()) != file.crc) {
    throw cannot_load(package.path, "its checksum of " + std::string(file.name) + " is another",
                      "it was damaged on the way: copy or export it again");
  }
}

} // namespace

std::vector<std::string> AotiPackage::names(std::string const& key) const {
  auto const found = metadata.find(key);
  if (found == metadata.end()) {
    return {};
  }
  auto const json = nlohmann::json::parse(found->second, nullptr, /*allow_exceptions=*/false);
  std::vector<std::string> all;
  for (auto const& name : json.is_array() ? json : nlohmann::json::array()) {
    all.push_back(name.is_string() ? name.get<std::string>() : name.dump());
  }
  return all;
}

AotiPackage open_package(std::string const& path, std::string_view bytes) {
  AotiPackage package;
  package.path = path;
  std::set<std::string_view> models;
  for (auto const& record : read_archive(path, bytes)) {
    add(package, models, record);
  }
  if (models.size() != 1) {
    throw cannot_load(path, "it holds " + std::to_string(models.size()) + " models",
                      "package one model alone");
  }
  for (auto const& file : package.files) {
    require_whole(package, file);
    if (file.name.ends_with("_metadata.json")) {
      read_metadata(package, file);
    } else if (file.name.ends_with(".so")) {
      package.library_name = file.name;
    }
  }
  if (package.library_name.empty()) {
    throw cannot_load(path, "it holds sources, but no compiled library (package_cpp_only)",
                      export_again);
  }
  return package;
}

void require_device(AotiPackage const& package, Device const& device) {
  auto const entry = [&](std::string const& key) {
    auto const found = package.metadata.find(key);
    return found == package.metadata.end() ? std::string() : found->second;
  };
  auto const made_for = entry("AOTI_DEVICE_KEY");
  std::string const here = device.is_cuda ? "cuda" : "cpu";
  if (made_for != here) {
    throw bad_input("the model " + package.path + " was compiled for " +
                        (made_for.empty() ? "no known device" : made_for) + " and cannot run on " +
                        device.label(),
                    "compiled code is for one kind of device",
                    (made_for == "cpu" || made_for == "cuda" ? "pass --device " + made_for + ", or "
                                                             : std::string()) +
                        "export it with tools/export_model.py --format aoti --device " + here);
  }
  auto const instructions = entry("AOTI_CPU_ISA");
  auto const able = at::get_cpu_capability();
  if (instructions.find("AVX512") != std::string::npos && able != "AVX512") {
    throw bad_input("the model " + package.path + " was compiled for a processor with AVX512",
                    "this one, or ATEN_CPU_CAPABILITY, allows " + able,
                    "export it on the kind of machine that the job runs on");
  }
}

UnpackedPackage::UnpackedPackage(AotiPackage const& package) : library_name_(package.library_name) {
  auto pattern = (std::filesystem::temp_directory_path() / "fod-aoti-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    throw bad_input("cannot make a folder " + pattern, errno_text(),
                    "name one with room for the model in TMPDIR");
  }
  folder_ = pattern;
  try {
    for (auto const& file : package.files) {
      if (!file.name.ends_with(".cpp")) { // the sources that the library was made from
        write(file);
      }
    }
  } catch (...) { // the destructor does not run
    remove();
    throw;
  }
}

void UnpackedPackage::write(ArchiveRecord const& file) {
  auto const path = folder_ / file.name;
  written_.push_back(path);
  std::ofstream out(path, std::ios::binary);
  out.write(file.bytes.data(), static_cast<std::streamsize>(file.bytes.size()));
  out.close();
  if (!out) {
    throw bad_input("cannot write " + path.string(), errno_text(),
                    "name a folder with room for the model in TMPDIR");
  }
}

UnpackedPackage::~UnpackedPackage() {
  remove();
}

/// By name: libtorch brings a std::filesystem::remove_all of its own, which jumps to nowhere.
void UnpackedPackage::remove() const {
  for (auto const& path : written_) {
    unlink(path.c_str());
  }
  rmdir(folder_.c_str());
}

} // namespace fod
