package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
)

// manifest is what a template of krew-manifests is rendered with.
type manifest struct {
	Version   string
	Platforms []published
}

// published is an archive as a manifest shows it.
type published struct {
	OS, Arch        string
	Archive, SHA256 string
	Binary          string
}

// render returns the manifest of a plugin from its template in the folder. The error names the template.
func (m manifest) render(templates string, p plugin) ([]byte, error) {
	file := filepath.Join(templates, p.krewName()+".yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading a manifest's template: %w", err)
	}
	parsed, err := template.New(file).Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("reading a manifest's template: %w", err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, m); err != nil {
		return nil, fmt.Errorf("rendering a manifest: %w", err)
	}
	return out.Bytes(), nil
}
