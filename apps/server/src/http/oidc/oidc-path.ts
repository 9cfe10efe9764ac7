/** Where a browser starts to sign in elsewhere, and where the provider sends it back: register the second one there. */
export const OIDC_LOGIN_PATH = '/api/v1/oidc/login';
export const OIDC_CALLBACK_PATH = '/api/v1/oidc/callback';
