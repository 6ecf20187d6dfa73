#include "client/control/enrolment.h"

#include <absl/time/clock.h>
#include <grpcpp/client_context.h>
#include <unistd.h>

#include <array>
#include <iostream>
#include <iterator>

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/base/host_name.h"
#include "common/base/limits.h"
#include "common/crypto/certificates.h"
#include "common/rpc/channel.h"
#include "common/rpc/errors.h"
#include "common/rpc/files.h"
#include "common/wire/signed_statements.h"
#include "common/wire/token.h"
#include "replicast/v1/registration_service.grpc.pb.h"

namespace replicast {
namespace {

std::string Trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

absl::StatusOr<v1::EnrollResponse> EnrolAt(const std::string& address, const std::string& ca_pem,
                                           const v1::EnrollRequest& request) {
  const std::shared_ptr<grpc::Channel> channel = rpc::EnrolmentChannel(address, ca_pem);
  const auto stub = v1::RegistrationService::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + limits::kRpcDeadline));
  v1::EnrollResponse response;
  const grpc::Status status = stub->Enroll(&context, request, &response);
  if (status.ok()) return response;
  absl::Status error = rpc::FromGrpc(status);
  if (error.code() != absl::StatusCode::kUnavailable && error.code() != absl::StatusCode::kDeadlineExceeded)
    return error;
  return Error(
      absl::StatusCode::kUnavailable, "SERVER_UNREACHABLE",
      "could not reach the server's enrolment at " + address + " (" + std::string(error.message()) +
          "): is replicastd running there, has the token expired, and is the server still the one that made it?");
}

}  // namespace

absl::StatusOr<v1::JoinToken> ReadToken(const std::string& argument) {
  std::string text = argument;
  if (argument == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else if (argument.starts_with("@")) {
    ASSIGN_OR_RETURN(text, rpc::ReadFile(argument.substr(1)));
  }
  return wire::TokenFromText(Trimmed(text));
}

absl::StatusOr<MemberCredential> Enrol(const v1::JoinToken& token, const std::string& folder) {
  MemberCredential credential;
  credential.token_id = token.id();
  credential.rpc.ca_pem = crypto::DerToPem(token.ca_certificate());
  if (token.member_addresses_size() == 0 || token.enrolment_addresses_size() == 0) {
    return Error(absl::StatusCode::kInvalidArgument, "TOKEN_MALFORMED",
                 "the token names no address: make a new one with replicast token create");
  }
  credential.rpc.address = token.member_addresses(0);
  ASSIGN_OR_RETURN(const MemberKeys keys, KeysForEnrolment(folder));
  credential.rpc.key_pem = keys.key_pem;
  credential.x25519 = keys.x25519;
  v1::EnrollRequest request;
  request.set_token_id(token.id());
  request.set_token_secret(token.secret());
  request.set_certificate_request(crypto::CreateRequestDer(keys.key_pem, "replica"));
  request.set_x25519_public_key(keys.x25519.public_key);
  request.set_display_name(HostName().empty() ? "replica" : HostName());
  absl::StatusOr<v1::EnrollResponse> response = absl::UnavailableError("");
  for (const std::string& address : token.enrolment_addresses()) {
    response = EnrolAt(address, credential.rpc.ca_pem, request);
    if (response.ok() || response.status().code() != absl::StatusCode::kUnavailable) break;
  }
  if (!response.ok()) return response.status();
  const auto server = ServerId::FromBytes(response->server_id());
  if (!server)
    return Error(absl::StatusCode::kFailedPrecondition, "ANSWER_INVALID",
                 "the server's answer to the enrolment names no server");
  credential.server = *server;
  credential.rpc.certificate_pem = crypto::DerToPem(response->certificate());
  RETURN_IF_ERROR(ReadFromCertificate(&credential));
  return credential;
}

v1::RenewRequest RenewalFor(const MemberCredential& credential) {
  v1::RenewRequest request;
  request.set_certificate_request(crypto::CreateRequestDer(credential.rpc.key_pem, credential.member.ToHex()));
  request.set_x25519_public_key(credential.x25519.public_key);
  request.set_member_id(credential.member.ToBytes());
  request.set_proof(crypto::SignEcdsa(credential.rpc.key_pem, wire::RenewalToProve(request)));
  return request;
}

absl::Status TakeRenewed(const v1::RenewResponse& response, MemberCredential* credential) {
  MemberCredential renewed = *credential;
  renewed.rpc.certificate_pem = crypto::DerToPem(response.certificate());
  RETURN_IF_ERROR(ReadFromCertificate(&renewed));
  if (renewed.member != credential->member) {
    return Error(absl::StatusCode::kFailedPrecondition, "ANSWER_INVALID",
                 "the renewed certificate is another member's");
  }
  *credential = std::move(renewed);
  return absl::OkStatus();
}

}  // namespace replicast
