#include "common/base/dataset_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace replicast {
namespace {

TEST(DatasetNamesTest, PartsAreSortedAndEachOnce) {
  EXPECT_THAT(PartsOfName("b+a++b"), ::testing::ElementsAre("a", "b"));
  EXPECT_EQ(NameOfParts({"a", "b"}), "a+b");
}

TEST(DatasetNamesTest, OneNameHasNoParts) { EXPECT_TRUE(PartsOfName("plain").empty()); }

}  // namespace
}  // namespace replicast
