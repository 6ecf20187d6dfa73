#include "common/wire/position_proto.h"

namespace replicast {

v1::Position ToProto(const Position& position) {
  v1::Position message;
  message.set_history_id(position.history.ToBytes());
  message.set_definition_hash(position.definition.ToBytes());
  message.set_lsn(position.lsn.value);
  return message;
}

}  // namespace replicast
