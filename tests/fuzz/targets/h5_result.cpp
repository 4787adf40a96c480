// Result files of anybody's: all that `fod info`, `verify`, `export`, `groups`
// and `metrics` read.
#include "fuzz.hpp"

#include "apps/fod_groups.hpp"
#include "apps/fod_info.hpp"

#include "fod/convert.hpp"
#include "fod/metrics.hpp"
#include "fod/settings.hpp"

namespace {

void read_parts(fod::store::ResultReader const& reader) {
  namespace store = fod::store;
  fuzz::taken([&] { static_cast<void>(store::verify(reader)); });
  fuzz::taken([&] {
    auto const inside = fod::app::look_inside(reader, 5);
    static_cast<void>(fod::app::as_table(inside));
    static_cast<void>(fod::app::as_json(inside));
  });
  fuzz::taken([&] {
    fod::app::GroupsReport report{reader.path(), fod::app::read_groups(reader),
                                  store::read_events_summary(reader.file())};
    static_cast<void>(fod::app::as_table(report, 5));
    static_cast<void>(fod::app::as_json(report));
  });
  fuzz::taken([&] {
    for (auto const& name : reader.file().members("/groups")) {
      if (store::has_moments(reader.file(), name)) {
        static_cast<void>(store::read_moments(reader.file(), name));
      }
    }
  });
  fuzz::taken([&] {
    fod::metrics::Request request;
    request.members = reader.layout().keep_members;
    request.radius = 0.1;
    if (reader.layout().labels) {
      request.conformal.methods = {fod::metrics::ConformalMethod::raps};
    }
    static_cast<void>(fod::metrics::measure(reader, request));
  });
  fuzz::taken([&] { static_cast<void>(store::read_settings(reader.file())); });
  fuzz::taken([&] { fod::export_json(reader, fuzz::scratch("exported.json"), {false, true}); });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz::Input const input(data, size);
  auto const path = fuzz::put("result.h5", input.rest());
  fuzz::taken([&] { read_parts(fod::store::ResultReader(path)); });
  return 0;
}
