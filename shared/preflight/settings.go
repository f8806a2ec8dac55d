package preflight

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"sigs.k8s.io/yaml"
)

// settings are a document's values by their paths, such as `defaultConfig.tracing.sampling`.
type settings map[string]string

// settingsOf reads a document, YAML or JSON. One that does not exist has no settings. The error says that it cannot be parsed.
func settingsOf(d Document) (settings, error) {
	return parseSettings(d.Text, d.Key)
}

func parseSettings(text, what string) (settings, error) {
	var tree any
	if err := yaml.Unmarshal([]byte(text), &tree); err != nil {
		return nil, fmt.Errorf("%s cannot be parsed: %w", what, err)
	}
	s := settings{}
	s.flatten("", tree)
	return s, nil
}

// flatten adds what is below a path. Empty maps and lists, and nothing at all, are as if they were not there.
func (s settings) flatten(path string, value any) {
	switch value := value.(type) {
	case nil:
	case map[string]any:
		for key, v := range value {
			s.flatten(join(path, key), v)
		}
	case []any:
		s.flattenList(path, value)
	case string:
		s[path] = value
	default:
		text, _ := json.Marshal(value)
		s[path] = string(text)
	}
}

// flattenList goes into lists of things that have names, as extension providers do, so that their order does not matter. Others
// are compared as a whole.
func (s settings) flattenList(path string, list []any) {
	named := map[string]any{}
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			if name, ok := m["name"].(string); ok {
				m = maps.Clone(m)
				delete(m, "name")
				m["present"] = true
				named[name] = m
			}
		}
	}
	if len(list) == 0 {
		return
	}
	if len(named) < len(list) {
		text, _ := json.Marshal(list)
		s[path] = string(text)
		return
	}
	for name, item := range named {
		s.flatten(path+"["+name+"]", item)
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// neutral writes a value without what every revision has of its own: its name, its version, and the name of its istiod.
func neutral(p Plane, value string) string {
	switch {
	case value == p.Revision:
		return "REVISION"
	case value != "" && value == p.version():
		return "VERSION"
	}
	value = strings.ReplaceAll(value, ofRevision("istiod", p.Revision)+".", "istiod.")
	return strings.ReplaceAll(value, "istiod."+p.Namespace+".svc", "istiod.NAMESPACE.svc")
}

// own says whether a setting is each revision's own, so that a difference says nothing.
func own(path string) bool {
	last := path[strings.LastIndexByte(path, '.')+1:]
	return last == "tag" || last == "revision" || path == "trustDomain" || strings.HasPrefix(path, "revisionTags")
}
