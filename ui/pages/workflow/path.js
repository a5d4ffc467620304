/** Where a workflow is in the API. */

/** @param {string} name */
export const pathOf = (name) => `/v1/workflows/${encodeURIComponent(name)}`;
