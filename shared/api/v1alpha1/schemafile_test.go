package v1alpha1

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// schema is what is looked at of a JSON schema: which fields an object may and must have, and of which types they are.
type schema struct {
	Ref                  string             `json:"$ref"`
	Defs                 map[string]*schema `json:"$defs"`
	Description          string             `json:"description"`
	Type                 string             `json:"type"`
	Format               string             `json:"format"`
	Properties           map[string]*schema `json:"properties"`
	Required             []string           `json:"required"`
	Items                *schema            `json:"items"`
	Enum                 []string           `json:"enum"`
	Const                string             `json:"const"`
	PropertyNames        *schema            `json:"propertyNames"`
	AdditionalProperties *additional        `json:"additionalProperties"`

	// file is the whole that the schema stands in.
	file *schema
}

// additional is false, or what the values of a map are.
type additional struct{ values *schema }

func (a *additional) UnmarshalJSON(text []byte) error {
	if string(text) == "false" {
		return nil
	}
	return json.Unmarshal(text, &a.values)
}

func load(t *testing.T, file string) *schema {
	t.Helper()
	text, err := os.ReadFile("../../../docs/schema/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	s.file = &s
	return &s
}

// child returns a schema within s, nil where there is none.
func (s *schema) child(c *schema) *schema {
	if c != nil {
		c.file = s.file
	}
	return c
}

// next returns what a schema refers to, nil where it refers to nothing.
func (s *schema) next(t *testing.T) *schema {
	t.Helper()
	if s.Ref == "" {
		return nil
	}
	file, path, _ := strings.Cut(s.Ref, "#/")
	at := s.file
	if file != "" {
		at = load(t, file)
	}
	steps := strings.Split(path, "/")
	for i := 0; i+1 < len(steps) && at != nil; i += 2 {
		at = at.child(map[string]map[string]*schema{"$defs": at.Defs, "properties": at.Properties}[steps[i]][steps[i+1]])
	}
	if at == nil {
		t.Fatalf("%s leads nowhere", s.Ref)
	}
	return at
}

// target returns what a schema refers to in the end, or itself.
func (s *schema) target(t *testing.T) *schema {
	t.Helper()
	for next := s; next != nil; next = next.next(t) {
		s = next
	}
	return s
}

// description is a schema's own, or that of what it refers to.
func (s *schema) description(t *testing.T) string {
	t.Helper()
	for ; s != nil; s = s.next(t) {
		if s.Description != "" {
			return s.Description
		}
	}
	return ""
}
