#include "common/wire/value_proto.h"

namespace replicast::wire {

v1::Value ToProto(const Value& value) {
  v1::Value result;
  switch (StorageClassOf(value)) {
    case StorageClass::kNull:
      result.set_null(true);
      break;
    case StorageClass::kInteger:
      result.set_integer(std::get<int64_t>(value));
      break;
    case StorageClass::kReal:
      result.set_real(std::get<Real>(value).number);
      break;
    case StorageClass::kText:
      result.set_text(std::get<Text>(value).bytes);
      break;
    case StorageClass::kBlob:
      result.set_blob(std::get<Blob>(value).bytes);
      break;
  }
  return result;
}

Value FromProto(const v1::Value& value) {
  switch (value.kind_case()) {
    case v1::Value::kInteger:
      return value.integer();
    case v1::Value::kReal:
      return Real{value.real()};
    case v1::Value::kText:
      return Text{value.text()};
    case v1::Value::kBlob:
      return Blob{value.blob()};
    default:
      return std::monostate();
  }
}

}  // namespace replicast::wire
