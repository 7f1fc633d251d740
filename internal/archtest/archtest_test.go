// Package archtest holds the house to its plan: which package may import
// which. docs/architecture.md prints the same table.
package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "mural"

// floors from the ground up. A package uses its own floor only where sideways says so.
var floors = []struct {
	name     string
	sideways bool
	packages []string
}{
	{"ground", true, []string{"event", "negentropy", "lineage"}},
	{"rooms", false, []string{"store", "blob", "keys", "media", "ui"}},
	{"doors", false, []string{"relay", "blossom", "peer", "web"}},
	{"roof", false, []string{"node"}},
	{"command", false, []string{"cmd/mural"}},
}

// workshops are not part of the program: tests, tools, benchmarks.
var workshops = []string{"internal/", "bench", "ui/build", "ui/bundle", "ui/mock", "store/storetest", "blob/blobtest", "cmd/bench"}

type pkg struct {
	ImportPath string
	Imports    []string
	Name       string
}

func packages(t *testing.T) []pkg {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Name", "./...")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func floorOf(path string) int {
	return slices.IndexFunc(floors, func(f struct {
		name     string
		sideways bool
		packages []string
	}) bool {
		return slices.Contains(f.packages, path)
	})
}

func isWorkshop(path string) bool {
	return slices.ContainsFunc(workshops, func(w string) bool { return strings.HasPrefix(path, w) })
}

func TestArrowsGoOnlyDownward(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		if isWorkshop(path) {
			continue
		}
		from := floorOf(path)
		if from < 0 {
			t.Errorf("%s stands on no floor: add it to the table here and in docs/architecture.md", path)
			continue
		}
		for _, imp := range p.Imports {
			checkArrow(t, path, from, imp)
		}
	}
}

func checkArrow(t *testing.T, path string, from int, imp string) {
	t.Helper()
	target, ours := strings.CutPrefix(imp, module+"/")
	if !ours {
		if floors[from].name == "ground" && !groundMayUse(imp) {
			t.Errorf("%s is ground and imports %s: ground uses the standard library and cryptography only", path, imp)
		}
		return
	}
	if isWorkshop(target) {
		t.Errorf("%s imports %s, which is not part of the program", path, target)
		return
	}
	to := floorOf(target)
	if to > from || (to == from && !floors[from].sideways) {
		t.Errorf("%s (%s) imports %s (%s): arrows go only downward", path, floors[from].name, target, floors[max(to, 0)].name)
	}
}

var crypto = regexp.MustCompile(`^(github\.com/(btcsuite/btcd|decred/dcrd/dcrec|consensys/gnark-crypto)|golang\.org/x/crypto)/`)

// groundMayUse: pure code. No disk, no network, no clock of its own.
func groundMayUse(imp string) bool {
	std := !strings.Contains(strings.SplitN(imp, "/", 2)[0], ".")
	touchesWorld := imp == "os" || imp == "net" || strings.HasPrefix(imp, "net/") || strings.HasPrefix(imp, "os/")
	return (std && !touchesWorld) || crypto.MatchString(imp)
}

func TestNoPackageWithoutAName(t *testing.T) {
	for _, p := range packages(t) {
		if slices.Contains([]string{"util", "utils", "common", "types", "model", "models", "helpers", "helper"}, p.Name) {
			t.Errorf("%s: a package is named after what it does", p.ImportPath)
		}
	}
}

// The page that people read prints the table that this test holds.
func TestThePagePrintsTheTable(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range floors {
		for _, p := range f.packages {
			if !strings.Contains(string(page), "| `"+p+"` | "+f.name+" |") {
				t.Errorf("docs/architecture.md has no row `| `%s` | %s |`", p, f.name)
			}
		}
	}
}

// The product uses no Nostr library: they serve as oracles in modules of their own.
func TestNoNostrLibraryInTheProduct(t *testing.T) {
	b, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nbd-wtf/go-nostr", "fiatjaf/khatru", "fiatjaf/eventstore"} {
		if strings.Contains(string(b), name) {
			t.Errorf("go.mod names %s", name)
		}
	}
}
