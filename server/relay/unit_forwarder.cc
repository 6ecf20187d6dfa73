#include "server/relay/unit_forwarder.h"

#include <algorithm>

#include "common/base/errors.h"
#include "common/base/log.h"

namespace replicast::relay {

void UnitForwarder::OnUnits(const DefinitionHash& stream, const std::vector<uint64_t>& whole) {
  for (const uint64_t serial : whole) untold_.push_back({stream, serial});
  if (const absl::StatusOr<bool> told = Step(); !told.ok())
    spdlog::warn("units can't be sent on: {}", std::string(told.status().message()));
}

void UnitForwarder::OnEmptyUnit(Followed& followed, const wire::UnitPart& part) {
  // The same boundary of a later time is news: nothing happened since.
  const v1::UnitHeader& known = followed.newest_header;
  const bool same = part.header.history_id() == known.history_id();
  if (same && (part.header.last_lsn() < known.last_lsn() ||
               (part.header.last_lsn() == known.last_lsn() &&
                part.header.master_time_microseconds() <= known.master_time_microseconds())))
    return;
  followed.newest_header = part.header;
  followed.newest_empty = part.encoded;
  followed.empty_told = false;
  const DefinitionHash& stream = *followed.stream->hash();
  if (streams_.Find(stream) != &followed) return;
  const bool waits =
      std::any_of(untold_.begin(), untold_.end(), [&](const Untold& untold) { return untold.stream == stream; });
  if (!followed.ready || waits) return;
  followed.empty_told = true;
  listener_.OnUnitPart(stream, part.header, part.encoded);
}

absl::StatusOr<bool> UnitForwarder::Step() {
  while (!untold_.empty() && listener_.TakesMore()) {
    Untold& untold = untold_.front();
    ASSIGN_OR_RETURN(const std::optional<store::StoredUnit> unit, log_.units().Get(untold.serial));
    if (!unit || untold.part > unit->parts) {
      untold_.pop_front();
      continue;
    }
    ASSIGN_OR_RETURN(const std::string part, log_.units().Part(untold.serial, untold.part));
    ASSIGN_OR_RETURN(const v1::UnitHeader header, wire::PeekUnitHeader(part));
    ++untold.part;
    Followed* followed = streams_.Find(untold.stream);
    if (followed == nullptr) continue;
    if (header.final_part()) followed->newest_header = header;
    if (followed->ready) listener_.OnUnitPart(untold.stream, header, part);
  }
  return !untold_.empty();
}

absl::Status UnitForwarder::TellBoundary(const DefinitionHash& stream) {
  Followed* followed = streams_.Find(stream);
  if (followed == nullptr || !followed->ready || followed->newest_empty.empty() || followed->empty_told)
    return absl::OkStatus();
  ASSIGN_OR_RETURN(const v1::UnitHeader header, wire::PeekUnitHeader(followed->newest_empty));
  if (header.last_lsn() != followed->newest_header.last_lsn()) return absl::OkStatus();
  followed->empty_told = true;
  listener_.OnUnitPart(stream, header, followed->newest_empty);
  return absl::OkStatus();
}

}  // namespace replicast::relay
