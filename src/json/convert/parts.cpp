#include "parts.hpp"

#include "fod/json.hpp"
#include "in_order.hpp"

#include <algorithm>
#include <ctime>

namespace fod::json {

namespace {

/// Numbers in a piece: its text stays in a core's cache until it is written.
constexpr std::int64_t piece_numbers = 16384;

/// Adds the time it lives.
class Stopwatch {
public:
  explicit Stopwatch(double& total) : total_(total) {}
  Stopwatch(Stopwatch const&) = delete;
  Stopwatch& operator=(Stopwatch const&) = delete;
  ~Stopwatch() { total_ += now() - start_; }

private:
  /// Of the processor, not of the clock: what other programs take is not counted.
  static double now() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }
  double& total_;
  double start_ = now();
};

} // namespace

/// Reads, lays out and writes some rows at a time.
class Exporter::Maker : public PieceMaker {
public:
  Maker(Exporter& exporter, Part const& part, ColumnReader const& columns, Output& output)
      : exporter_(exporter), part_(part), columns_(columns), output_(output),
        step_(std::max<std::int64_t>(1,
                                     piece_numbers / std::max<std::int64_t>(1, columns.width()))) {}
  Maker(Maker const&) = delete;
  Maker& operator=(Maker const&) = delete;
  ~Maker() override { exporter_.seconds_.form += forming_; } // no thread makes pieces any more

  bool take(std::int64_t piece) override {
    auto const all = exporter_.reader_.rows();
    auto const begin = piece * step_;
    if (begin >= all) {
      return false;
    }
    Stopwatch const watch(exporter_.seconds_.read);
    columns_.read({begin, std::min(all, begin + step_)}, slice_);
    return true;
  }
  void make() override {
    Stopwatch const watch(forming_);
    text_.clear();
    part_.form(slice_, text_);
  }
  bool give() override {
    {
      Stopwatch const watch(exporter_.seconds_.write);
      output_.write(text_.view());
    }
    exporter_.tell_progress(slice_.rows.end);
    return true;
  }

private:
  Exporter& exporter_;
  Part const& part_;
  ColumnReader const& columns_;
  Output& output_;
  std::int64_t step_;
  Slice slice_;
  Text text_;
  double forming_ = 0; ///< seconds
};

Exporter::Exporter(store::ResultReader const& reader, ExportOptions const& options,
                   std::int64_t parts)
    : reader_(reader), options_(options), parts_(parts) {}

void Exporter::write(std::vector<Part> const& parts, Output& output) {
  for (auto const& part : parts) {
    output.write(part.before);
    if (!part.columns.empty() && reader_.rows() > 0) {
      write_rows(part, output);
      ++parts_done_;
    }
    output.write(part.after);
  }
}

void Exporter::tell_progress(std::int64_t rows) const {
  if (options_.on_progress) {
    options_.on_progress((parts_done_ * reader_.rows() + rows) / std::max(parts_, parts_done_ + 1));
  }
}

void Exporter::write_rows(Part const& part, Output& output) {
  ColumnReader const columns(reader_, part.columns);
  // Each piece holds a row at least: as numbers, and as text.
  constexpr std::int64_t memory = std::int64_t{96} << 20;
  constexpr auto number = static_cast<std::int64_t>(sizeof(double) + number_bytes);
  auto const fitting = memory / std::max<std::int64_t>(1, columns.width() * number);
  auto const threads = std::clamp<std::int64_t>(fitting, 1, std::max(1, options_.threads));
  auto const rooms = std::min(fitting, 2 * threads) + 2;
  make_in_order(static_cast<int>(threads), static_cast<int>(rooms),
                [&]() -> std::unique_ptr<PieceMaker> {
                  return std::make_unique<Maker>(*this, part, columns, output);
                });
}

} // namespace fod::json
