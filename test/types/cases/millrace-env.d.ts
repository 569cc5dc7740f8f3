import 'millrace';

declare module 'millrace' {
  interface ModelRows {
    daily_revenue: {
      day: string | null;
      revenue: string | null;
    };
  }
  interface EndpointRows {
    revenue: {
      country: string | null;
      total: string | null;
    };
  }
}
