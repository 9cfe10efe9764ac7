/** The dashboard's page for a setup token. A fragment is not sent to servers, so it stays out of proxies' logs. */
export const setupPath = (token: string): string => `/setup#${token}`;
