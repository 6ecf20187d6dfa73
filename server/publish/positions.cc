#include "server/publish/positions.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "common/base/errors.h"

namespace replicast::publish {
namespace {

constexpr uint64_t kPartBits = 24;  // of `resume`: serial and part

Way Snapshot(std::string reason, std::string why) {
  return {NextStep::kSnapshot, std::move(reason), std::move(why), {}};
}

absl::Status OutOfRange(const Way& way) { return Error(absl::StatusCode::kOutOfRange, way.reason, way.why); }

Way Trimmed(Lsn lsn, Lsn begins) {
  return Snapshot("POSITION_TRIMMED", absl::StrCat("position ", lsn.ToText(),
                                                   " is older than the unit store, which begins at ", begins.ToText()));
}

Way Ahead(Lsn lsn, Lsn known) {
  return Snapshot("POSITION_UNKNOWN",
                  absl::StrCat("position ", lsn.ToText(), " is ahead of what this server stored of that history (",
                               known.ToText(), "), so its state was restored from an older copy"));
}

// Appends parts of the unit from `number` on while there is room, at least one. The number to go on with; 0: all done.
absl::StatusOr<uint32_t> TakeParts(Core& core, const store::StoredUnit& unit, uint32_t number, size_t most_bytes,
                                   size_t* bytes, Publisher::CatchUpBatch* batch) {
  for (bool first = true; number <= unit.parts; ++number, first = false) {
    if (!first && *bytes >= most_bytes) return number;
    ASSIGN_OR_RETURN(std::string part, core.units.Part(unit.serial, number));
    *bytes += part.size();
    batch->parts.push_back(std::move(part));
  }
  batch->position.history = unit.history;
  batch->position.lsn = unit.last;
  return 0;
}

}  // namespace

absl::StatusOr<Way> WayFrom(Core& core, const Stream& stream, const Position& position) {
  const Lsn lsn = position.lsn;
  ASSIGN_OR_RETURN(std::optional<store::StoredUnit> unit, core.units.Behind(stream.record.id, position.history, lsn));
  if (unit.has_value()) {
    if (unit->prev > lsn) return Trimmed(lsn, unit->prev);
    if (unit->leads_over() && lsn > unit->until) return Ahead(lsn, unit->until);
    return Way{NextStep::kCatchUp, "", "", std::move(unit)};
  }
  if (position.history == core.state.history) {
    if (lsn > core.state.lsn) return Ahead(lsn, core.state.lsn);
    if (lsn < stream.record.prev_lsn) return Trimmed(lsn, stream.record.prev_lsn);
    return Way{NextStep::kFollow, "", "", {}};
  }
  ASSIGN_OR_RETURN(bool known, store::KnowsHistory(core.statements, position.history));
  if (!known) {
    return Snapshot("POSITION_UNKNOWN",
                    absl::StrCat("history ", position.history.ToHex(), " is none of this server's"));
  }
  return Snapshot("POSITION_TRIMMED", absl::StrCat("no stored unit leads on from ", lsn.ToText(), " of history ",
                                                   position.history.ToHex(), " any more"));
}

absl::StatusOr<std::vector<TableState>> TableStatesAt(Core& core, const Stream& stream, const Position& position) {
  ASSIGN_OR_RETURN(Way way, WayFrom(core, stream, position));
  switch (way.step) {
    case NextStep::kFollow:
      return stream.record.tables;
    case NextStep::kCatchUp:
      if (way.first->schema_version != stream.record.schema.version()) {
        return Error(absl::StatusCode::kOutOfRange, "SCHEMA_CHANGED",
                     "the dataset's schema has changed since that position: ask again at a newer one");
      }
      return std::move(way.first->before);
    case NextStep::kSnapshot:
      break;
  }
  return OutOfRange(way);
}

absl::StatusOr<Publisher::CatchUpBatch> CatchUp(Core& core, const Position& from, uint64_t resume, size_t most_bytes) {
  ASSIGN_OR_RETURN(Stream * stream, core.FindReady(from.definition));
  Publisher::CatchUpBatch batch;
  batch.position = from;
  size_t bytes = 0;
  std::optional<store::StoredUnit> unit;
  uint32_t number = 1;
  if (resume != 0) {
    number = static_cast<uint32_t>(resume & ((1u << kPartBits) - 1));
    ASSIGN_OR_RETURN(unit, core.units.Get(resume >> kPartBits));
    if (!unit.has_value() || unit->stream != stream->record.id || number == 0) {
      return OutOfRange(Trimmed(from.lsn, stream->record.prev_lsn));
    }
  }
  while (true) {
    if (!unit.has_value()) {
      ASSIGN_OR_RETURN(Way way, WayFrom(core, *stream, batch.position));
      if (way.step == NextStep::kSnapshot) return OutOfRange(way);
      if (way.step == NextStep::kFollow) break;
      unit = std::move(way.first);
      if (!batch.parts.empty() && bytes + unit->bytes > most_bytes) return batch;
    }
    ASSIGN_OR_RETURN(uint32_t go_on, TakeParts(core, *unit, number, most_bytes, &bytes, &batch));
    if (go_on != 0) {
      batch.resume = unit->serial << kPartBits | go_on;
      return batch;
    }
    unit.reset();
    number = 1;
  }
  ASSIGN_OR_RETURN(wire::EncodedPart empty, core.EmptyUnit(*stream));
  batch.parts.push_back(std::move(empty));
  batch.position.lsn = core.state.lsn;
  batch.at_end = true;
  return batch;
}

}  // namespace replicast::publish
