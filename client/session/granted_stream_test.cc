#include "client/session/granted_stream.h"

#include <gtest/gtest.h>

#include "client/session/session_world.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/numbered.h"
#include "common/wire/definition.h"
#include "common/wire/signed_statements.h"

namespace replicast {
namespace {

class GrantedStreamTest : public testing::Test {
 protected:
  SessionWorld world_{1};
};

TEST_F(GrantedStreamTest, AGrantThatContradictsItselfEndsIt) {
  world_.server.Start();
  world_.server.definition_is_wrong = true;
  world_.StartReplica();
  ASSERT_TRUE(world_.RunUntil([&] { return world_.session->ended().has_value(); }, absl::Seconds(5)));
  EXPECT_EQ(ReasonOf(*world_.session->ended()), "ANSWER_INVALID");
  EXPECT_FALSE(world_.database->identity().has_value());
}

TEST_F(GrantedStreamTest, WhatTheMastersServerDidNotGrantEndsIt) {
  world_.server.Start();
  const auto refused = [&](const std::function<void(FakeServer&)>& forge) {
    world_.server.grant_is_forged = world_.server.schema_is_forged = world_.server.signing_key_is_forged = false;
    world_.server.granted_to = world_.server.member;
    forge(world_.server);
    world_.StopReplica();
    world_.StartReplica();
    EXPECT_TRUE(world_.RunUntil([&] { return world_.session->ended().has_value(); }, absl::Seconds(5)));
    EXPECT_EQ(ReasonOf(*world_.session->ended()), "SIGNATURE_INVALID");
    EXPECT_FALSE(world_.database->identity().has_value());
  };
  refused([](FakeServer& server) { server.signing_key_is_forged = true; });
  refused([](FakeServer& server) { server.grant_is_forged = true; });
  refused([](FakeServer& server) { server.schema_is_forged = true; });
  refused([](FakeServer& server) { server.granted_to.bytes[0] ^= 1; });
}

// The answer of a relay, of what the master's server grants to it and to the member.
class GrantedPathTest : public testing::Test {
 protected:
  GrantedPathTest() {
    definition_.add_tables()->set_name("t");
    definition_.mutable_tables(0)->add_columns("*");
    answer_.mutable_grant()->mutable_definition()->CopyFrom(definition_);
    hash_ = wire::HashOf(*wire::Canonical(definition_));
    answer_.mutable_grant()->set_definition_hash(hash_.ToBytes());
    *answer_.mutable_signing_key() = wire::CertifySigningKey(master_, signing_.public_key, ca_key_pem_);
    *answer_.mutable_schema() = wire::SealSchema(master_, hash_, {}, signer_);
    *answer_.mutable_signed_grant() = Granted(member_.member.view());
    AddServer(relay_);
    answer_.add_path()->set_server_id(master_.ToBytes());
  }
  v1::SignedGrant Granted(std::string_view member, absl::Duration lasts = limits::kLease) {
    v1::GrantStatement statement;
    statement.set_server_id(master_.ToBytes());
    statement.set_member_id(std::string(member));
    statement.set_dataset("d");
    statement.set_definition_hash(hash_.ToBytes());
    statement.mutable_expires_at()->set_seconds(absl::ToUnixSeconds(kNow + lasts));
    return wire::SealGrant(statement, signer_);
  }
  void AddServer(const ServerId& id) {
    v1::PathServer* server = answer_.add_path();
    server->set_server_id(id.ToBytes());
    *server->mutable_signed_grant() = Granted(id.view());
  }
  std::string Check() { return ReasonOf(CheckGrant(answer_, member_, kNow).status()); }

  const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
  const ServerId master_ = Numbered<ServerId>(1), relay_ = Numbered<ServerId>(2);
  const crypto::KeyPair signing_ = crypto::GenerateEd25519();
  const wire::Signer signer_{signing_.private_key};
  const std::string ca_key_pem_ = crypto::GeneratePrivateKeyPem();
  Subscription::Options member_{.dataset = "d",
                                .servers = {"relay:1"},
                                .member = Numbered<MemberId>(3),
                                .x25519 = {},
                                .ca_pem = crypto::CreateCaPem(ca_key_pem_, "CA", 0, 4'000'000'000)};
  v1::Definition definition_;
  DefinitionHash hash_;
  v1::SubscribeResponse answer_;
};

TEST_F(GrantedPathTest, ARelayThatTheMastersServerGrantedMayBring) { EXPECT_EQ(Check(), ""); }

TEST_F(GrantedPathTest, ARelayWithoutAGrantOfItsOwnMayNot) {
  answer_.mutable_path(0)->clear_signed_grant();
  EXPECT_EQ(Check(), "SIGNATURE_INVALID");
  *answer_.mutable_path(0)->mutable_signed_grant() = answer_.signed_grant();
  EXPECT_EQ(Check(), "SIGNATURE_INVALID") << "that is another member's";
}

TEST_F(GrantedPathTest, WhatExpiredByTheMastersClockGrantsNothing) {
  *answer_.mutable_signed_grant() = Granted(member_.member.view(), -absl::Seconds(1));
  EXPECT_EQ(Check(), "GRANT_EXPIRED");
}

TEST_F(GrantedPathTest, ARelaysGrantMayBeAsMuchOlderAsItAsksAnew) {
  *answer_.mutable_path(0)->mutable_signed_grant() = Granted(relay_.view(), -limits::kLease / 2);
  EXPECT_EQ(Check(), "");
  *answer_.mutable_path(0)->mutable_signed_grant() = Granted(relay_.view(), -limits::kLease / 2 - absl::Seconds(1));
  EXPECT_EQ(Check(), "GRANT_EXPIRED");
}

TEST_F(GrantedPathTest, AWayThatLeadsThroughTheMemberItselfIsALoop) {
  ServerId self;
  self.bytes = member_.member.bytes;
  answer_.clear_path();
  AddServer(relay_);
  AddServer(self);
  answer_.add_path()->set_server_id(master_.ToBytes());
  EXPECT_EQ(Check(), "LOOP");
}

TEST_F(GrantedPathTest, AWayOfMoreThanEightServersIsRefused) {
  answer_.clear_path();
  for (int i = 0; i < limits::kMaxPath - 1; ++i) AddServer(Numbered<ServerId>(static_cast<uint8_t>(10 + i)));
  answer_.add_path()->set_server_id(master_.ToBytes());
  EXPECT_EQ(Check(), "");
  AddServer(master_);
  EXPECT_EQ(Check(), "ANSWER_INVALID");
}

}  // namespace
}  // namespace replicast
