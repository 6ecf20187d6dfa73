#ifndef REPLICAST_COMMON_WIRE_VALUE_PROTO_H_
#define REPLICAST_COMMON_WIRE_VALUE_PROTO_H_

#include "common/base/value.h"
#include "replicast/v1/types.pb.h"

namespace replicast::wire {

v1::Value ToProto(const Value& value);
Value FromProto(const v1::Value& value);  // one without a kind: NULL

}  // namespace replicast::wire

#endif  // REPLICAST_COMMON_WIRE_VALUE_PROTO_H_
