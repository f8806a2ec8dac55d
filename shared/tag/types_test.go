package tag

import admissionv1 "k8s.io/api/admissionregistration/v1"

type mutating = admissionv1.MutatingWebhookConfiguration

const admissionIgnore = admissionv1.Ignore

type mutatingList = admissionv1.MutatingWebhookConfigurationList
