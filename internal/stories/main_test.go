//go:build linux

// Package stories_test holds what people do with mural, told with real
// processes, real networks and real files.
package stories_test

import (
	"testing"

	"mural/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
