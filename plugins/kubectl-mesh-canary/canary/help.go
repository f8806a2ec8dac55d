package canary

const long = `Take a mesh from one revision of Istio to another, forward or back.`
