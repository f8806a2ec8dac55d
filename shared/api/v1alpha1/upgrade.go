package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// CanaryUpgradeKind is the kind of a CanaryUpgrade.
const CanaryUpgradeKind = "CanaryUpgrade"

// Phase is how far a canary upgrade is.
type Phase string

// The phases of a canary upgrade.
const (
	// PhaseStarted: some namespaces are on the new revision, or are being moved to it.
	PhaseStarted Phase = "started"
	// PhaseCompleting: what is left is being moved, and tags follow.
	PhaseCompleting Phase = "completing"
	// PhaseCompleted: nothing is left on the old revision. It can still be rolled back until that is uninstalled.
	PhaseCompleted Phase = "completed"
	// PhaseRollingBack: what was is being put back.
	PhaseRollingBack Phase = "rolling-back"
	// PhaseRolledBack: what was is again.
	PhaseRolledBack Phase = "rolled-back"
)

// Phases lists every phase.
func Phases() []Phase {
	return []Phase{PhaseStarted, PhaseCompleting, PhaseCompleted, PhaseRollingBack, PhaseRolledBack}
}

// Form is how a namespace says which control plane injects its pods.
type Form string

// The forms of a namespace.
const (
	// ByTag: its label istio.io/rev names a tag.
	ByTag Form = "tag"
	// ByRevision: its label istio.io/rev names a revision.
	ByRevision Form = "revision"
	// ByDefaultTag: its label istio-injection=enabled follows the tag `default`.
	ByDefaultTag Form = "default-tag"
	// ByDefaultInstall: its label istio-injection=enabled follows a control plane that was installed without a revision.
	ByDefaultInstall Form = "default-install"
)

// Forms lists every form.
func Forms() []Form { return []Form{ByTag, ByRevision, ByDefaultTag, ByDefaultInstall} }

// CanaryUpgrade is the whole state of a canary upgrade: what was, and what the upgrade has made of it. It is kept in the
// cluster, and holds only what the upgrade changes.
type CanaryUpgrade struct {
	metav1.TypeMeta `json:",inline"`
	Phase           Phase `json:"phase"`
	// From and To are revisions of the control plane in IstioNamespace.
	From           string `json:"from"`
	To             string `json:"to"`
	IstioNamespace string `json:"istioNamespace"`
	// StableTag is the tag that namespaces follow and that moves in the end, CanaryTag the one that they follow meanwhile; each
	// empty for none.
	StableTag string      `json:"stableTag,omitempty"`
	CanaryTag string      `json:"canaryTag,omitempty"`
	StartedAt metav1.Time `json:"startedAt"`
	ChangedAt metav1.Time `json:"changedAt"`
	// Proven is the phase at whose end all pods were seen to run what they should; only tags are left to be removed then.
	Proven     Phase              `json:"proven,omitempty"`
	Tags       []UpgradeTag       `json:"tags"`
	Namespaces []UpgradeNamespace `json:"namespaces"`
	Replicas   []UpgradeReplicas  `json:"replicas,omitempty"`
	// Addresses are where the Services of both revisions' gateways were reached when the upgrade started; one that is not there was
	// not, or could not be read.
	Addresses []UpgradeAddresses `json:"addresses,omitempty"`
}

// UpgradeTag is a tag that an upgrade changes.
type UpgradeTag struct {
	Name string `json:"name"`
	// Before is the revision that it pointed at, empty where it did not exist; Wrote are those that it was pointed at since,
	// the latest last.
	Before string   `json:"before,omitempty"`
	Wrote  []string `json:"wrote,omitempty"`
	// Was are the objects that it was made of; absent until it is about to be changed.
	Was *TagRecord `json:"was,omitempty"`
}

// TagRecord is what a tag was, as far as it is put back.
type TagRecord struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// Webhook and Service are the revisions that were claimed, empty where there was no such object.
	Webhook     string `json:"webhook,omitempty"`
	Service     string `json:"service,omitempty"`
	WebhookName string `json:"webhookName,omitempty"`
	AutoInject  bool   `json:"autoInject,omitempty"`
	// Kept is what the Service had that an installer may have given it; absent where there was none.
	Kept *TagService `json:"kept,omitempty"`
	// The others are there for the tag default alone. Validator is whose the default validator was, Selectors what revision
	// default's own injector selected, absent where there was none. Deactivated is true where it selected nothing.
	Validator   *TagValidator               `json:"validator,omitempty"`
	Selectors   map[string]WebhookSelectors `json:"selectors,omitempty"`
	Deactivated bool                        `json:"deactivated,omitempty"`
}

// TagService is what a tag's Service had that tools differ in.
type TagService struct {
	Name        string            `json:"name"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Selector    map[string]string `json:"selector,omitempty"`
}

// TagValidator says whose the default validator is.
type TagValidator struct {
	// Revision is its label istio.io/rev, empty where there is no validator. Namespace is Istio's.
	Revision  string `json:"revision,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	// Tagged is true where it belongs to the tag default, and false where an installation without that tag made it.
	Tagged bool `json:"tagged,omitempty"`
}

// WebhookSelectors are those of one webhook.
type WebhookSelectors struct {
	Namespace *metav1.LabelSelector `json:"namespace,omitempty"`
	Object    *metav1.LabelSelector `json:"object,omitempty"`
}

// UpgradeNamespace is a namespace that an upgrade moves.
type UpgradeNamespace struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
	Form Form   `json:"form"`
	// Before are the labels that decide about injection as they were, Wrote what they were made since, the latest last. A label
	// that is not there is not in the map.
	Before map[string]string   `json:"before"`
	Wrote  []map[string]string `json:"wrote,omitempty"`
	// Moved is true once its pods were seen on the new revision, and false again once they were seen on the former one.
	Moved bool `json:"moved,omitempty"`
}

// UpgradeReplicas is a Deployment or HPA that an upgrade has given more replicas.
type UpgradeReplicas struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Before    int32  `json:"before"`
	Wrote     int32  `json:"wrote"`
}

// UpgradeAddresses are where a Service of gateways was reached when an upgrade started.
type UpgradeAddresses struct {
	Namespace string `json:"namespace"`
	Service   string `json:"service"`
	// Addresses are those of its load balancer, or else those within the cluster; empty for none.
	Addresses []string `json:"addresses"`
}

// DeepCopyObject is part of runtime.Object.
func (u *CanaryUpgrade) DeepCopyObject() runtime.Object {
	c := *u
	return &c
}
