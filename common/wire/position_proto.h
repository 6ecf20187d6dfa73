#ifndef REPLICAST_COMMON_WIRE_POSITION_PROTO_H_
#define REPLICAST_COMMON_WIRE_POSITION_PROTO_H_

#include "common/base/lsn.h"
#include "replicast/v1/types.pb.h"

namespace replicast {

v1::Position ToProto(const Position& position);

}  // namespace replicast

#endif  // REPLICAST_COMMON_WIRE_POSITION_PROTO_H_
