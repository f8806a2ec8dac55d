// Package english keeps kubectl's packages from loading translations when a plugin starts, which takes more than half of
// the time that starting takes. What a plugin says is in English anyway.
package english

import "k8s.io/kubectl/pkg/util/i18n"

// errLate says that the translations were loaded before.
var errLate error

// Go initializes, of the packages that are ready, the one whose path is first: this one before those of kubectl, which ask
// for their texts as they are initialized.
func init() { errLate = i18n.SetLoadTranslationsFunc(func() error { return nil }) }
