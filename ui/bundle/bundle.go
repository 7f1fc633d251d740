// Package bundle turns the app's TypeScript and CSS into the files that the
// node serves. It is used by the generator and by the test that compares; the
// program itself embeds only what came out.
package bundle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/evanw/esbuild/pkg/api"
)

// static lists the files that go into the output as they are.
var static = []string{"index.html", "icon.svg", "plaster.svg", "manifest.webmanifest"}

// Build bundles the app below dir (the folder that holds src and vendor) and
// returns the output by file name. The same sources give the same bytes on
// every machine: names carry no hash, and nothing depends on the clock or on
// the place of the checkout.
func Build(dir string) (map[string][]byte, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("bundle: finding %s: %w", dir, err)
	}
	out := map[string][]byte{}
	result := api.Build(options(root))
	if err := firstError(result.Errors); err != nil {
		return nil, err
	}
	for _, f := range result.OutputFiles {
		out[filepath.Base(f.Path)] = f.Contents
	}
	for _, name := range static {
		b, err := os.ReadFile(filepath.Join(root, "src", "static", name))
		if err != nil {
			return nil, fmt.Errorf("bundle: reading a static file: %w", err)
		}
		out[name] = b
	}
	return out, nil
}

// options are written out in full so that a tsconfig.json beside the sources,
// which only serves the type check, cannot change what is shipped.
func options(root string) api.BuildOptions {
	return api.BuildOptions{
		AbsWorkingDir: root,
		Outdir:        filepath.Join(root, "dist"),
		EntryPointsAdvanced: []api.EntryPoint{
			{InputPath: "src/main.tsx", OutputPath: "app"},
			{InputPath: "src/app.css", OutputPath: "app"},
			{InputPath: "src/i18n/ar.ts", OutputPath: "lang-ar"},
		},
		Bundle:            true,
		Format:            api.FormatESModule,
		Platform:          api.PlatformBrowser,
		Target:            api.ES2022,
		MinifySyntax:      true,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		Charset:           api.CharsetUTF8,
		LegalComments:     api.LegalCommentsNone,
		TsconfigRaw:       `{"compilerOptions":{"jsx":"react-jsx","jsxImportSource":"preact"}}`,
		JSX:               api.JSXAutomatic,
		JSXImportSource:   "preact",
		Alias: map[string]string{
			"preact":               "./vendor/preact/dist/preact.mjs",
			"preact/hooks":         "./vendor/preact/hooks/dist/hooks.mjs",
			"preact/jsx-runtime":   "./vendor/preact/jsx-runtime/dist/jsxRuntime.mjs",
			"@preact/signals":      "./vendor/@preact/signals/dist/signals.mjs",
			"@preact/signals-core": "./vendor/@preact/signals-core/dist/signals-core.mjs",
		},
		External: []string{"./lang-ar.js", "plaster.svg"},
		LogLevel: api.LogLevelSilent,
	}
}

func firstError(messages []api.Message) error {
	if len(messages) == 0 {
		return nil
	}
	lines := api.FormatMessages(messages, api.FormatMessagesOptions{Kind: api.ErrorMessage})
	return errors.New("bundle: " + lines[0])
}
