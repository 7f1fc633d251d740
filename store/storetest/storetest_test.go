package storetest_test

import (
	"testing"
	"time"

	"mural/store/storetest"
)

func TestMemoryKeepsThePromises(t *testing.T) {
	storetest.Run(t, func(_ testing.TB, now func() time.Time) storetest.Storage { return storetest.NewMemory(now) })
}
