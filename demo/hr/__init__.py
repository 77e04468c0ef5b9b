"""Who works for the network: HCM, payroll and the identity platform, and what the ERP knows of people."""
