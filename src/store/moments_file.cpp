#include "fod/checksum.hpp"
#include "fod/layer_groups.hpp"

#include "group_io.hpp"

#include <algorithm>
#include <bit>

namespace fod::store {

namespace {

template <class T>
void add(Checksum& checksum, std::vector<T> const& values) {
  auto const count = static_cast<std::uint64_t>(values.size());
  checksum.update(&count, sizeof count);
  checksum.update(values.data(), values.size() * sizeof(T));
}

/// Of all numbers, so that a bit that flips is found before it is summed.
std::int64_t digest_of(Moments const& moments) {
  Checksum checksum;
  for (auto const& half : moments.halves) {
    add(checksum, std::vector<std::int64_t>{half.count, half.blocks});
    add(checksum, half.sums.low);
    add(checksum, half.sums.high);
    add(checksum, half.products.low);
    add(checksum, half.products.high);
  }
  add(checksum, moments.scale.shift);
  add(checksum, moments.scale.scale);
  add(checksum, moments.smallest);
  add(checksum, moments.largest);
  add(checksum, moments.class_counts);
  add(checksum, moments.class_sums);
  add(checksum, moments.class_missing);
  return std::bit_cast<std::int64_t>(checksum.digest());
}

void put_half(GroupWriter& out, std::string const& name, HalfMoments const& half) {
  out.put(name + "_sums", half.sums.low);
  out.put(name + "_products", half.products.low);
  // A second limb is there where numbers did not fit into the first.
  if (!half.sums.high.empty()) {
    out.put(name + "_sums_high", half.sums.high);
  }
  if (!half.products.high.empty()) {
    out.put(name + "_products_high", half.products.high);
  }
  out.set(name + "_count", half.count);
  out.set(name + "_blocks", half.blocks);
}

HalfMoments read_half(GroupReader const& in, std::string const& name, std::int64_t width) {
  HalfMoments half;
  auto const limb = [&](std::string const& which) {
    return in.has(which) ? in.wholes(which) : std::vector<std::int64_t>();
  };
  half.sums = {in.wholes(name + "_sums"), limb(name + "_sums_high")};
  half.products = {in.wholes(name + "_products"), limb(name + "_products_high")};
  half.count = in.attribute<std::int64_t>(name + "_count");
  half.blocks = in.attribute<std::int64_t>(name + "_blocks");
  auto const fits = [&](FixedSums const& sums, std::int64_t size) {
    return std::ssize(sums.low) == size && (sums.high.empty() || std::ssize(sums.high) == size);
  };
  in.require(half.count >= 0 && half.blocks >= 0 && fits(half.sums, width) &&
             fits(half.products, triangle_size(width)));
  return half;
}

std::string moments_path(std::string const& layer) {
  return groups_path(layer) + "/moments";
}

} // namespace

void write_moments(h5::File& file, std::string const& layer, Moments const& moments) {
  GroupWriter out(file, moments_path(layer));
  put_half(out, "even", moments.halves[0]);
  put_half(out, "odd", moments.halves[1]);
  out.put("shift", moments.scale.shift);
  out.put("scale", moments.scale.scale);
  out.put("smallest", ElementType::float32, {moments.neurons}, moments.smallest);
  out.put("largest", ElementType::float32, {moments.neurons}, moments.largest);
  out.put("class_counts", moments.class_counts);
  out.put("class_sums", ElementType::int64, {moments.classes, moments.neurons}, moments.class_sums);
  out.put("class_missing", ElementType::uint8, {std::ssize(moments.class_missing)},
          moments.class_missing);
  out.set("neurons", moments.neurons);
  out.set("appended", moments.appended);
  out.set("classes", moments.classes);
  out.set("bits", std::int64_t{moments.scale.bits});
  out.set("class_bits", std::int64_t{moments.scale.class_bits});
  out.set("checksum", digest_of(moments));
}

bool has_moments(h5::File const& file, std::string const& layer) {
  return file.contains(moments_path(layer));
}

Moments read_moments(h5::File const& file, std::string const& layer) {
  GroupReader const in(file, moments_path(layer));
  Moments moments;
  moments.neurons = in.attribute<std::int64_t>("neurons");
  moments.appended = in.attribute<std::int64_t>("appended");
  moments.classes = in.attribute<std::int64_t>("classes");
  constexpr auto most = std::int64_t{1} << 24;
  auto const small = [](std::int64_t count) { return 0 <= count && count <= most; };
  in.require(small(moments.neurons) && small(moments.appended) && small(moments.classes));
  auto const width = moments.width();
  moments.halves = {read_half(in, "even", width), read_half(in, "odd", width)};
  moments.scale.shift = in.reals("shift");
  moments.scale.scale = in.reals("scale");
  moments.scale.bits = static_cast<int>(in.attribute<std::int64_t>("bits"));
  moments.scale.class_bits = static_cast<int>(in.attribute<std::int64_t>("class_bits"));
  moments.smallest = in.values<float>("smallest", ElementType::float32);
  moments.largest = in.values<float>("largest", ElementType::float32);
  moments.class_counts = in.wholes("class_counts");
  moments.class_sums = in.wholes("class_sums");
  moments.class_missing = in.values<std::uint8_t>("class_missing", ElementType::uint8);
  auto const neurons = moments.neurons;
  in.require(std::ssize(moments.scale.shift) == width && std::ssize(moments.scale.scale) == width &&
             std::ssize(moments.smallest) == neurons && std::ssize(moments.largest) == neurons &&
             std::ssize(moments.class_counts) == moments.classes &&
             std::ssize(moments.class_sums) == moments.classes * neurons &&
             std::ssize(moments.class_missing) == (moments.classes > 0 ? neurons : 0));
  in.require(in.attribute<std::int64_t>("checksum") == digest_of(moments));
  return moments;
}

void write_sums(h5::File& file, LayerSums const& sums) {
  GroupWriter layer(file, groups_path(sums.layer));
  layer.set("index", sums.index);
  layer.set("type", sums.type);
  layer.set("pooling", sums.pooling);
  layer.set("by", sums.moments.classes > 0 ? sums.class_by : "");
  write_moments(file, sums.layer, sums.moments);
  GroupWriter out(file, moments_path(sums.layer));
  out.set("left_out", sums.left_out);
  out.set("unlabelled", sums.unlabelled);
}

std::vector<std::string> layers_with_sums(h5::File const& file) {
  std::vector<std::pair<std::int64_t, std::string>> found;
  auto const names =
      file.contains("/groups") ? file.members("/groups") : std::vector<std::string>();
  for (auto const& name : names) {
    if (has_moments(file, name)) {
      GroupReader const in(file, groups_path(name));
      found.emplace_back(in.attribute<std::int64_t>("index"), name);
    }
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> layers;
  for (auto& [index, name] : found) {
    layers.push_back(std::move(name));
  }
  return layers;
}

LayerSums read_sums(h5::File const& file, std::string const& layer) {
  GroupReader const of_layer(file, groups_path(layer));
  GroupReader const in(file, moments_path(layer));
  return {layer,
          of_layer.attribute<std::string>("type"),
          of_layer.attribute<std::int64_t>("index"),
          of_layer.attribute<std::string>("pooling"),
          of_layer.attribute<std::string>("by"),
          in.attribute<std::int64_t>("left_out"),
          in.attribute<std::int64_t>("unlabelled"),
          read_moments(file, layer)};
}

} // namespace fod::store
